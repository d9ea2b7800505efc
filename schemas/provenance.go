package schemas

import "strings"

// IsProvenance reports whether a column of an entity says where a value came
// from, rather than being one: its name begins with "_". The fields of an entity
// have no such names.
func IsProvenance(name string) bool { return strings.HasPrefix(name, "_") }
