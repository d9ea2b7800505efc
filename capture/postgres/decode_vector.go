package postgres

import (
	"bytes"
	"fmt"
	"math"
	"strconv"

	"sluice/schemas"
)

// decodeVector reads pgvector's "[1,2.5,-3]" as numbers of that many bits.
func decodeVector(bits int) decodeFunc {
	return func(dst *schemas.Value, src []byte, a *schemas.Arena) error {
		if len(src) < 2 || src[0] != '[' || src[len(src)-1] != ']' {
			return malformed("vector", src)
		}
		body := src[1 : len(src)-1]
		n := 0
		if len(body) > 0 {
			n = bytes.Count(body, []byte{','}) + 1
		}
		row := a.Row(n)
		for i := range row {
			item, rest, _ := bytes.Cut(body, []byte{','})
			f, err := strconv.ParseFloat(text(item), bits)
			if err != nil {
				return malformed("vector", src)
			}
			row[i], body = schemas.FloatOf(f), rest
		}
		*dst = schemas.ListOf(row)
		return nil
	}
}

// decodeSparse reads pgvector's "{1:1.5,3:2}/5": the values of the indexes that
// have one, counted from 1, and the number of dimensions.
func decodeSparse(index schemas.TypeName) decodeFunc {
	most := int64(math.MaxInt32)
	if index == schemas.Int16Type {
		most = math.MaxInt16
	}
	return func(dst *schemas.Value, src []byte, a *schemas.Arena) error {
		head, dims, ok := bytes.Cut(src, []byte("}/"))
		if !ok || len(head) == 0 || head[0] != '{' {
			return malformed("sparsevec", src)
		}
		d, ok := parseInt(dims)
		if !ok || d < 0 || d > math.MaxInt32 {
			return malformed("sparsevec", src)
		}
		if d > most {
			return &valueError{
				what: fmt.Sprintf("a sparsevec of %d dimensions where the column does not declare them", d),
				cure: fmt.Sprintf("declare them, such as ALTER TABLE ... ALTER COLUMN ... TYPE sparsevec(%d), or exclude the column (columns.exclude)", d),
			}
		}
		body := head[1:]
		n := 0
		if len(body) > 0 {
			n = bytes.Count(body, []byte{','}) + 1
		}
		entries := a.Row(n)
		for i := range entries {
			item, rest, _ := bytes.Cut(body, []byte{','})
			key, value, ok := bytes.Cut(item, []byte{':'})
			k, isInt := parseInt(key)
			f, err := strconv.ParseFloat(text(value), 64)
			if !ok || !isInt || k < 1 || k > d || err != nil {
				return malformed("sparsevec", src)
			}
			entry := a.Row(2)
			entry[0], entry[1] = schemas.IntOf(k), schemas.FloatOf(f)
			entries[i], body = schemas.ListOf(entry), rest
		}
		vector := a.Row(2)
		vector[0], vector[1] = schemas.IntOf(d), schemas.ListOf(entries)
		*dst = schemas.ListOf(vector)
		return nil
	}
}
