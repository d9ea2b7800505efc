package postgres

import (
	"bytes"
	"fmt"

	"sluice/schemas"
)

// decodeArray reads the text form of an array of that many dimensions
// (PostgreSQL docs, 8.15.6); delim stands between its elements. The escapes are
// undone in place. Lower bounds are dropped; an empty array has no dimensions.
func decodeArray(elem decodeFunc, delim byte, dims int) decodeFunc {
	d := arrayDecoder{elem, delim, dims}
	return func(dst *schemas.Value, src []byte, a *schemas.Arena) error {
		body := src
		if len(body) > 0 && body[0] == '[' { // bounds other than 1: "[2:4]={...}"
			_, after, ok := bytes.Cut(body, []byte("="))
			if !ok {
				return malformed("array", src)
			}
			body = after
		}
		if len(body) < 2 || body[0] != '{' || body[len(body)-1] != '}' {
			return malformed("array", src)
		}
		return d.list(dst, body[1:len(body)-1], a, dims)
	}
}

type arrayDecoder struct {
	elem  decodeFunc
	delim byte
	dims  int
}

// list reads what stands between two braces; left is how many dimensions it has.
func (d *arrayDecoder) list(dst *schemas.Value, body []byte, a *schemas.Arena, left int) error {
	n, err := d.count(body, left)
	if err != nil {
		return err
	}
	row := a.Row(n)
	for i := range row {
		if left > 1 {
			item, rest, ok := d.cutList(body)
			if !ok {
				return malformed("array", body)
			}
			if err := d.list(&row[i], item, a, left-1); err != nil {
				return err
			}
			body = rest
			continue
		}
		item, rest, null, ok := d.cutElement(body)
		if !ok {
			return malformed("array", body)
		}
		body = rest
		if null {
			continue
		}
		if err := d.elem(&row[i], item, a); err != nil {
			return err
		}
	}
	*dst = schemas.ListOf(row)
	return nil
}

// count counts elements, or lists of them, without changing body. It refuses
// another number of dimensions than the column declares.
func (d *arrayDecoder) count(body []byte, left int) (int, error) {
	if len(body) == 0 {
		return 0, nil
	}
	if left > 1 && body[0] != '{' {
		return 0, d.otherDimensions(body)
	}
	n, depth, quoted := 1, 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{':
			if depth++; left == 1 {
				return 0, d.otherDimensions(body)
			}
		case c == '}':
			if depth--; depth < 0 {
				return 0, malformed("array", body)
			}
		case c == d.delim && depth == 0:
			n++
		}
	}
	if quoted || depth != 0 {
		return 0, malformed("array", body)
	}
	return n, nil
}

func (d *arrayDecoder) otherDimensions(body []byte) error {
	word := "dimensions"
	if d.dims == 1 {
		word = "dimension"
	}
	return &valueError{
		what: fmt.Sprintf("%s is of an array that has not the %d %s which its column declares", excerpt(body), d.dims, word),
		cure: "declare the dimensions that the values have, such as ALTER TABLE ... ALTER COLUMN ... TYPE integer[][], or exclude the column (columns.exclude)",
	}
}

// cutList takes the first "{...}" off body, whose braces match.
func (d *arrayDecoder) cutList(body []byte) (item, rest []byte, ok bool) {
	if len(body) == 0 || body[0] != '{' {
		return nil, nil, false
	}
	depth, quoted := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{':
			depth++
		case c == '}':
			if depth--; depth > 0 {
				continue
			}
			item, rest = body[1:i], body[i+1:]
			if len(rest) == 0 {
				return item, nil, true
			}
			return item, rest[1:], rest[0] == d.delim && len(rest) > 1
		}
	}
	return nil, nil, false
}

// cutElement takes the first element off body. It writes over body.
func (d *arrayDecoder) cutElement(body []byte) (item, rest []byte, null, ok bool) {
	quoted := len(body) > 0 && body[0] == '"'
	i := 0
	if quoted {
		i = 1
	}
	start, end := i, i
	for ; i < len(body); i++ {
		c := body[i]
		if c == '\\' {
			i++
			if i == len(body) {
				return nil, nil, false, false
			}
			c = body[i]
		} else if quoted && c == '"' || !quoted && c == d.delim {
			break
		} else if !quoted && c == '"' {
			return nil, nil, false, false
		}
		body[end] = c
		end++
	}
	item = body[start:end:end]
	if quoted {
		if i == len(body) {
			return nil, nil, false, false
		}
		i++
		if i < len(body) && body[i] != d.delim {
			return nil, nil, false, false
		}
	} else if len(item) == 0 {
		return nil, nil, false, false
	}
	if i < len(body) {
		rest = body[i+1:]
		if len(rest) == 0 {
			return nil, nil, false, false
		}
	}
	return item, rest, !quoted && string(item) == "NULL", true
}
