package normal

import "strings"

// Email is an address in the form in which two that reach the same mailbox are
// equal: lower case, without a tag after "+", and without the dots that Gmail
// ignores. What is no address is missing.
func Email(s string) (local, domain string) {
	s = strings.ToLower(strings.Trim(strings.TrimSpace(cut(s)), "<>\"'"))
	s = strings.TrimPrefix(s, "mailto:")
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || !strings.Contains(domain, ".") || strings.ContainsAny(s, " \t,;") {
		return "", ""
	}
	domain = strings.TrimSuffix(domain, ".")
	if l, _, ok := strings.Cut(local, "+"); ok && l != "" {
		local = l
	}
	if domain == "googlemail.com" {
		domain = "gmail.com"
	}
	if domain == "gmail.com" {
		local = strings.ReplaceAll(local, ".", "")
	}
	return local, domain
}
