package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// pointer is a place in a JSON document. The empty one is nowhere.
type pointer []string

// parsePointer reads "data.id" or a JSON pointer "/data/id" (RFC 6901).
func parsePointer(s string) (pointer, error) {
	if s == "" {
		return nil, nil
	}
	var p pointer
	if rest, ok := strings.CutPrefix(s, "/"); ok {
		for part := range strings.SplitSeq(rest, "/") {
			p = append(p, strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~"))
		}
	} else {
		p = strings.Split(s, ".")
	}
	for _, part := range p {
		if part == "" {
			return nil, errors.New("has an empty part")
		}
	}
	return p, nil
}

// find returns the string or number at that place, or "" where there is none:
// the record was taken, whatever the answer looks like.
func (p pointer) find(doc []byte) string {
	if len(p) == 0 || len(doc) == 0 {
		return ""
	}
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return ""
	}
	for _, part := range p {
		switch at := v.(type) {
		case map[string]any:
			v = at[part]
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(at) {
				return ""
			}
			v = at[i]
		default:
			return ""
		}
	}
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}
