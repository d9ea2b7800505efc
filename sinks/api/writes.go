package api

import "regexp"

// fieldUse is a use of the entity's fields in a template; without a name, of all
// of them.
var fieldUse = regexp.MustCompile(`\.Fields(?:\.([A-Za-z_][A-Za-z0-9_]*))?`)

// Writes says which fields of an entity the requests' bodies name; all: every
// field, since a body has no template or hands on .Fields as a whole.
func (c *Config) Writes() (fields map[string]bool, all bool) {
	fields = map[string]bool{}
	for _, r := range []*Request{c.Create, c.Update, c.Upsert} {
		if r == nil {
			continue
		}
		if r.Body == "" {
			return nil, true
		}
		for _, use := range fieldUse.FindAllStringSubmatch(r.Body, -1) {
			if use[1] == "" {
				return nil, true
			}
			fields[use[1]] = true
		}
	}
	return fields, false
}
