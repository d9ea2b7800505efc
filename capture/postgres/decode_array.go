package postgres

import (
	"bytes"

	"sluice/schemas"
)

// decodeArray reads the text form of a one-dimensional array (PostgreSQL docs,
// 8.15.6). The escapes are undone in place.
func decodeArray(elem decodeFunc) decodeFunc {
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
		body = body[1 : len(body)-1]
		n, err := countElements(body, src)
		if err != nil {
			return err
		}
		row := a.Row(n)
		for i := range row {
			item, rest, null, ok := cutElement(body)
			if !ok {
				return malformed("array", src)
			}
			body = rest
			if null {
				continue
			}
			if err := elem(&row[i], item, a); err != nil {
				return err
			}
		}
		*dst = schemas.ListOf(row)
		return nil
	}
}

// countElements counts without changing body, and refuses a second dimension.
func countElements(body, src []byte) (int, error) {
	if len(body) == 0 {
		return 0, nil
	}
	n, quoted := 1, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == ',':
			n++
		case c == '{':
			return 0, &valueError{
				what: excerpt(src) + " is an array of more than one dimension",
				cure: "store one dimension, or exclude the table",
			}
		}
	}
	if quoted {
		return 0, malformed("array", src)
	}
	return n, nil
}

// cutElement takes the first element off body. It writes over body.
func cutElement(body []byte) (item, rest []byte, null, ok bool) {
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
		} else if quoted && c == '"' || !quoted && c == ',' {
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
		if i < len(body) && body[i] != ',' {
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
