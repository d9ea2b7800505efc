package postgres

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"unicode/utf8"

	"sluice/schemas"
)

// transform is what the configuration does to one column. It is part of the
// column's decoder, so that snapshot and stream, rows and keys agree.
type transform struct {
	excluded, mask, hash bool
	salt                 string
	keep                 int // characters; 0: all
}

// transformError is a transform that the column's type does not take.
type transformError struct{ what, cure string }

func (e *transformError) Error() string { return e.what }

// masked stands for every value of a masked column.
var masked = schemas.TextOf([]byte("****"))

// resolve gives the column's type and decoder. What replaces the values whole
// makes a string of any type, and does not ask what it was.
func (t *transform) resolve(column func() (schemas.Type, decodeFunc, error)) (schemas.Type, decodeFunc, error) {
	switch {
	case t.mask:
		return schemas.Type{Name: schemas.StringType}, decodeMasked, nil
	case t.hash:
		return schemas.Type{Name: schemas.StringType}, decodeHashed(t.salt), nil
	}
	typ, decode, err := column()
	if err != nil || t.keep == 0 {
		return typ, decode, err
	}
	if typ.Name != schemas.StringType {
		return typ, nil, &transformError{
			what: "columns.truncate names it, and its type is not a text",
			cure: "take the column out of columns.truncate, or name it in columns.mask or columns.exclude",
		}
	}
	return typ, decodeTruncated(decode, t.keep), nil
}

func decodeMasked(dst *schemas.Value, _ []byte, _ *schemas.Arena) error {
	*dst = masked
	return nil
}

// decodeHashed writes the SHA-256 of salt and text in hexadecimal.
func decodeHashed(salt string) decodeFunc {
	return func(dst *schemas.Value, src []byte, a *schemas.Arena) error {
		sum := sha256.Sum256(append(append(a.Grow(len(salt)+len(src)), salt...), src...))
		*dst = schemas.TextOf(a.Copy(hex.AppendEncode(make([]byte, 0, 2*sha256.Size), sum[:])))
		return nil
	}
}

// decodeTruncated keeps so many characters, which are Unicode code points.
func decodeTruncated(decode decodeFunc, keep int) decodeFunc {
	return func(dst *schemas.Value, src []byte, a *schemas.Arena) error {
		if err := decode(dst, src, a); err != nil {
			return err
		}
		if dst.Kind != schemas.Text {
			return fmt.Errorf("a value of kind %s where a text is truncated", dst.Kind)
		}
		b, end := dst.Bytes, 0
		for n := 0; n < keep && end < len(b); n++ {
			_, size := utf8.DecodeRune(b[end:])
			end += size
		}
		*dst = schemas.TextOf(b[:end:end])
		return nil
	}
}
