package normal

import "strings"

// set makes a set of the words of a text.
func set(words string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(words) {
		out[w] = true
	}
	return out
}

// without gives the words of a folded text that are not in the sets.
func without(text string, sets ...map[string]bool) (words []string) {
next:
	for w := range strings.FieldsSeq(text) {
		for _, s := range sets {
			if s[w] {
				continue next
			}
		}
		words = append(words, w)
	}
	return words
}

// Missing reports whether a value says that there is none.
func Missing(s string) bool {
	s = strings.TrimSpace(s)
	if s == "" {
		return true
	}
	if len(s) > 9 {
		return false
	}
	return missing[strings.ToLower(s)]
}

var missing = set("- -- . ? n/a na nan null none nil unknown (null) \\n #n/a")
