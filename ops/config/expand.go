package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"sluice/schemas"
)

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// expand replaces ${NAME} and ${file:PATH} in the scalar values below node.
// It runs on the parsed tree, so a value can hold any text without becoming
// YAML. Keys are not expanded. It also notes the anchors.
func (d *decoder) expand(node ast.Node, path string) {
	switch n := node.(type) {
	case *ast.MappingNode:
		for _, v := range n.Values {
			d.expand(v, path)
		}
	case *ast.MappingValueNode:
		d.expand(n.Value, join(path, keyText(n.Key)))
	case *ast.SequenceNode:
		for i, v := range n.Values {
			d.expand(v, index(path, i))
		}
	case *ast.AnchorNode:
		d.anchors[n.Name.GetToken().Value] = n.Value
		d.expand(n.Value, path)
	case *ast.TagNode:
		d.expand(n.Value, path)
	case *ast.LiteralNode:
		d.expandScalar(n, n.Value, path)
	case *ast.StringNode:
		d.expandScalar(n, n, path)
	}
}

func (d *decoder) expandScalar(node ast.Node, s *ast.StringNode, path string) {
	if !strings.Contains(s.Value, "${") {
		return
	}
	raw := s.Value
	text, fault := d.expandText(raw)
	pos := position(node)
	switch {
	case fault == nil:
	case errors.Is(fault.Err, fs.ErrNotExist) && !d.needed(path):
		d.unset = append(d.unset, path)
		d.broken[node] = true
		return
	default:
		if fault.Err == errUnset {
			fault.Err = nil // What says it
		}
		d.fail(d.faultAt(pos, path, *fault))
		d.broken[node] = true
		return
	}
	d.expanded[node] = raw
	// A custom decoder may see the node as text again: as a quoted one it
	// stays one scalar, whatever is in it.
	tk := *s.Token
	tk.Type, tk.Value, tk.Origin = token.DoubleQuoteType, text, strconv.Quote(text)
	s.Token, s.Value = &tk, text
}

// expandText replaces the variables of one scalar. "$${" stands for "${".
func (d *decoder) expandText(s string) (string, *schemas.Fault) {
	var b strings.Builder
	for {
		i := strings.Index(s, "${")
		if i < 0 {
			b.WriteString(s)
			return b.String(), nil
		}
		if i > 0 && s[i-1] == '$' {
			b.WriteString(s[:i-1] + "${")
			s = s[i+2:]
			continue
		}
		b.WriteString(s[:i])
		end := strings.IndexByte(s[i:], '}')
		if end < 0 {
			return "", &schemas.Fault{What: "${ without its }", Cure: "close it, or write $${ for the two characters themselves"}
		}
		name := s[i+2 : i+end]
		value, fault := d.variable(name)
		if fault != nil {
			return "", fault
		}
		d.secrets[value] = "${" + name + "}"
		b.WriteString(value)
		s = s[i+end+1:]
	}
}

// variable returns the value of NAME or file:PATH.
func (d *decoder) variable(name string) (string, *schemas.Fault) {
	if path, ok := strings.CutPrefix(name, "file:"); ok {
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(d.file), path)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return "", &schemas.Fault{
				What: fmt.Sprintf("the file of ${%s} cannot be read", name), Err: cause(err),
				Cure: "create it, readable for the user that runs sluice: " + path,
			}
		}
		return strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r"), nil
	}
	if !variableName.MatchString(name) {
		return "", &schemas.Fault{
			What: fmt.Sprintf("${%s} is no variable", name),
			Cure: "write ${NAME} or ${file:PATH}, or $${ for the two characters themselves",
		}
	}
	value, ok := d.env(name)
	if !ok {
		return "", &schemas.Fault{
			What: fmt.Sprintf("environment variable %s is not set", name), Err: errUnset,
			Cure: fmt.Sprintf("export %s=...", name),
		}
	}
	return value, nil
}

// cause is what a file's error says beside the path.
func cause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// needed reports whether the values at path are needed by the role that the
// file is loaded for.
func (d *decoder) needed(path string) bool {
	if len(d.needs) == 0 {
		return true
	}
	for _, n := range d.needs {
		if path == n || strings.HasPrefix(path, n+".") {
			return true
		}
	}
	return false
}
