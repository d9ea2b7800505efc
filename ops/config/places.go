package config

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/token"

	"sluice/schemas"
)

// places knows where in the file each path of the configuration stands.
type places struct {
	file string
	at   map[string]*token.Position
	// secrets are the values that came from outside, with what stands in the
	// file for them; no message may show one.
	secrets map[string]string
}

// fault returns the fault of a path, at its place or that of the nearest
// parent that the file has.
func (p *places) fault(path string, f schemas.Fault) *schemas.Fault {
	pos := p.at[path]
	for parent := path; pos == nil && parent != ""; {
		parent = parentOf(parent)
		pos = p.at[parent]
	}
	return p.faultAt(pos, path, f)
}

func (p *places) faultAt(pos *token.Position, path string, f schemas.Fault) *schemas.Fault {
	f.Where = p.file
	if pos != nil {
		f.Where = fmt.Sprintf("%s:%d:%d", p.file, pos.Line, pos.Column)
	}
	if path != "" {
		f.Where += ": " + path
	}
	f.What, f.Cure = p.redact(f.What), p.redact(f.Cure)
	if f.Err != nil {
		if text := f.Err.Error(); p.redact(text) != text {
			f.Err = errors.New(p.redact(text))
		}
	}
	return &f
}

// redact puts the variable's name where its value stands. Values of less than
// four letters are left: they are no secrets, and their letters are in every
// word.
func (p *places) redact(text string) string {
	for value, name := range p.secrets {
		if len(value) >= 4 {
			text = strings.ReplaceAll(text, value, name)
		}
	}
	return text
}

// locate turns the faults in err, whose Where is relative to prefix, into
// faults with their place in the file.
func (p *places) locate(prefix string, err error) []error {
	var out []error
	for _, e := range Flatten(err) {
		var f *schemas.Fault
		if !errors.As(e, &f) {
			f = &schemas.Fault{Err: e}
		}
		out = append(out, p.fault(join(prefix, f.Where), *f))
	}
	return out
}

// place puts the place in the file before each fault of err that is about a path
// of the configuration, and leaves the others as they are.
func (p *places) place(err error) error {
	if err == nil {
		return nil
	}
	all := Flatten(err)
	for i, e := range all {
		var f *schemas.Fault
		if !errors.As(e, &f) {
			continue
		}
		path, rest, _ := strings.Cut(f.Where, ": ")
		if top, _, deeper := strings.Cut(path, "."); !deeper || p.at[top] == nil {
			continue
		}
		placed := p.fault(path, *f)
		if rest != "" {
			placed.Where += ": " + rest
		}
		all[i] = placed
	}
	return joined(all)
}

// byPlace orders faults by line, then column.
func (p *places) byPlace(a, b error) int {
	line := func(err error) (line, column int) {
		var f *schemas.Fault
		if errors.As(err, &f) {
			// Without a place it stays 0: first.
			_, _ = fmt.Sscanf(strings.TrimPrefix(f.Where, p.file), ":%d:%d", &line, &column)
		}
		return line, column
	}
	al, ac := line(a)
	bl, bc := line(b)
	return cmp.Or(cmp.Compare(al, bl), cmp.Compare(ac, bc))
}

// Flatten returns the single errors of errors.Join, however deep.
func Flatten(err error) []error {
	if err == nil {
		return nil
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var out []error
		for _, e := range many.Unwrap() {
			out = append(out, Flatten(e)...)
		}
		return out
	}
	return []error{err}
}

func join(path, key string) string {
	if path == "" || key == "" || strings.HasPrefix(key, "[") {
		return path + key
	}
	return path + "." + key
}

func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// parentOf cuts the last key or index off a path.
func parentOf(path string) string {
	return path[:max(0, strings.LastIndexAny(path, ".["))]
}
