package compat

import (
	"fmt"
	"slices"
	"strings"
)

// Level is a compatibility level of a subject.
type Level string

// The levels; see the package's comment.
const (
	None               Level = "NONE"
	Backward           Level = "BACKWARD"
	BackwardTransitive Level = "BACKWARD_TRANSITIVE"
	Forward            Level = "FORWARD"
	ForwardTransitive  Level = "FORWARD_TRANSITIVE"
	Full               Level = "FULL"
	FullTransitive     Level = "FULL_TRANSITIVE"
)

var levels = []Level{None, Backward, BackwardTransitive, Forward, ForwardTransitive, Full, FullTransitive}

// ParseLevel reads a level, in any case of letters.
func ParseLevel(text string) (Level, error) {
	l := Level(strings.ToUpper(text))
	if !slices.Contains(levels, l) {
		return "", fmt.Errorf("%q is no compatibility level: one of %v", text, levels)
	}
	return l, nil
}

// Version is an older schema of a subject.
type Version struct {
	Number int
	Schema *Schema
}

// Check returns why next may not follow the older versions, in ascending order;
// nothing: it may. Each text names the field.
func (l Level) Check(next *Schema, older []Version) []string {
	if l == None || len(older) == 0 {
		return nil
	}
	name, transitive := strings.CutSuffix(string(l), "_TRANSITIVE")
	if !transitive {
		older = older[len(older)-1:]
	}
	var texts []string
	for _, v := range slices.Backward(older) {
		version := fmt.Sprintf("version %d", v.Number)
		if name == string(Backward) || name == string(Full) {
			for _, p := range Read(next, v.Schema) {
				texts = append(texts, p.Text("the new schema", version))
			}
		}
		if name == string(Forward) || name == string(Full) {
			for _, p := range Read(v.Schema, next) {
				texts = append(texts, p.Text(version, "the new schema"))
			}
		}
	}
	return texts
}
