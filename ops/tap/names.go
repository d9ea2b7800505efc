package tap

import (
	"maps"
	"slices"
	"strings"
)

func text(v any) string {
	s, _ := v.(string)
	return s
}

// fullName is a name with its namespace, as the Avro specification 1.11
// ("Names") puts it: one with dots is full already.
func fullName(name, namespace string) string {
	if strings.Contains(name, ".") || namespace == "" {
		return name
	}
	return namespace + "." + name
}

func lastDot(s string) int { return strings.LastIndexByte(s, '.') }

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
