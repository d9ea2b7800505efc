package api

import (
	"encoding/base64"
	"errors"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxExcerpt is how much of an answer is kept in errors and dead letters.
const maxExcerpt = 512

var sensitive = regexp.MustCompile(`(?i)auth|token|secret|key|password|cookie|session`)

// secrets replaces every secret of the configuration, in all the forms in which
// a target may give it back. It is nil where there is none.
func (c *Config) secrets() *strings.Replacer {
	var pairs []string
	add := func(s string) {
		if len(s) < 4 {
			return // it would tear every text apart, and hides nothing
		}
		for _, form := range []string{s, base64.StdEncoding.EncodeToString([]byte(s)), url.QueryEscape(s), url.PathEscape(s)} {
			pairs = append(pairs, form, "[secret]")
		}
	}
	add(c.Auth.Bearer)
	if k := c.Auth.APIKey; k != nil {
		add(k.Value)
	}
	if b := c.Auth.Basic; b != nil {
		add(b.Username + ":" + b.Password)
		add(b.Password)
	}
	for name, value := range c.Headers {
		if sensitive.MatchString(name) {
			add(value)
		}
	}
	return strings.NewReplacer(pairs...)
}

// excerpt is the beginning of an answer: one line, valid UTF-8, no secrets.
func (s *Sink) excerpt(body []byte) string {
	// Secrets go first, lest the cut leave half of one.
	text := s.secrets.Replace(string(body[:min(len(body), 64<<10)]))
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "\ufffd")), " ")
	if len(text) <= maxExcerpt {
		return text
	}
	text = text[:maxExcerpt]
	for !utf8.ValidString(text) {
		text = text[:len(text)-1]
	}
	return text + "…"
}

// clean returns err without secrets in its text. What it wraps is kept only
// where there was nothing to remove.
func (s *Sink) clean(err error) error {
	if text := s.secrets.Replace(err.Error()); text != err.Error() {
		return errors.New(text)
	}
	return err
}
