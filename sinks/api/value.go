package api

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"sluice/schemas"
)

// appendObject appends all known fields as a JSON object, in the order they were
// declared. Fields that the source did not send are left out: they are not
// null.
func appendObject(dst []byte, t *schemas.Table, row schemas.Row) ([]byte, error) {
	dst = append(dst, '{')
	first := true
	for i, v := range row {
		if !v.Known() {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = appendString(dst, t.Columns[i].Name)
		dst = append(dst, ':')
		var err error
		if dst, err = appendField(dst, &t.Columns[i], v); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

// appendField appends one value as JSON: numbers exact, dates, times and
// durations as ISO 8601, bytes as base64, JSON as itself.
func appendField(dst []byte, c *schemas.Column, v schemas.Value) ([]byte, error) {
	switch v.Kind {
	case schemas.Null:
		return append(dst, "null"...), nil
	case schemas.Bool:
		return strconv.AppendBool(dst, v.Bool()), nil
	case schemas.Int:
		if s, ok := clock(c.Type.Name, v.Int()); ok {
			return appendString(dst, s), nil
		}
		return strconv.AppendInt(dst, v.Int(), 10), nil
	case schemas.Float:
		return appendFloat(dst, c, v.Float())
	case schemas.Text:
		if c.Type.Name == schemas.JSONType && json.Valid(v.Bytes) {
			return append(dst, v.Bytes...), nil
		}
		return appendString(dst, string(v.Bytes)), nil
	case schemas.Bytes:
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, v.Bytes)
		return append(dst, '"'), nil
	case schemas.Decimal:
		return append(dst, decimal(v)...), nil
	case schemas.List:
		if c.Type.Name == schemas.StructType {
			return appendStruct(dst, c.Type.Record, v)
		}
		dst = append(dst, '[')
		for i, e := range v.Elems() {
			if i > 0 {
				dst = append(dst, ',')
			}
			var err error
			if dst, err = appendField(dst, element(c), e); err != nil {
				return nil, err
			}
		}
		return append(dst, ']'), nil
	}
	return nil, fmt.Errorf("field %s: a value of kind %s has no JSON form", c.Name, v.Kind)
}

// fieldOf is a value as a template's .Fields have it.
func fieldOf(c *schemas.Column, v schemas.Value) (any, error) {
	switch v.Kind {
	case schemas.Null:
		return nil, nil
	case schemas.Bool:
		return v.Bool(), nil
	case schemas.Int:
		if s, ok := clock(c.Type.Name, v.Int()); ok {
			return s, nil
		}
		return v.Int(), nil
	case schemas.Text:
		if c.Type.Name == schemas.JSONType && json.Valid(v.Bytes) {
			return json.RawMessage(append([]byte(nil), v.Bytes...)), nil
		}
		return string(v.Bytes), nil
	case schemas.Bytes:
		return base64.StdEncoding.EncodeToString(v.Bytes), nil
	case schemas.List:
		if c.Type.Name == schemas.StructType {
			return structOf(c.Type.Record, v)
		}
		list := make([]any, 0, len(v.Elems()))
		for _, e := range v.Elems() {
			x, err := fieldOf(element(c), e)
			if err != nil {
				return nil, err
			}
			list = append(list, x)
		}
		return list, nil
	}
	b, err := appendField(nil, c, v)
	return json.Number(b), err
}

// appendStruct writes a struct as an object of its fields.
func appendStruct(dst []byte, t *schemas.Table, v schemas.Value) ([]byte, error) {
	dst = append(dst, '{')
	for i, e := range v.Elems() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, t.Columns[i].Name), ':')
		var err error
		if dst, err = appendField(dst, &t.Columns[i], e); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

func structOf(t *schemas.Table, v schemas.Value) (any, error) {
	out := make(map[string]any, len(t.Columns))
	for i, e := range v.Elems() {
		x, err := fieldOf(&t.Columns[i], e)
		if err != nil {
			return nil, err
		}
		out[t.Columns[i].Name] = x
	}
	return out, nil
}

func element(c *schemas.Column) *schemas.Column {
	if e := c.Type.Elem; e != nil {
		return &schemas.Column{Name: c.Name, Type: e.Type}
	}
	return &schemas.Column{Name: c.Name}
}

func appendFloat(dst []byte, c *schemas.Column, f float64) ([]byte, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, fmt.Errorf("field %s: %v has no JSON form", c.Name, f)
	}
	bits := 64
	if c.Type.Name == schemas.Float32Type {
		bits = 32
	}
	format := byte('f')
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e' // as ECMAScript does
	}
	return strconv.AppendFloat(dst, f, format, -1, bits), nil
}

// decimal writes unscaled * 10^-scale with all its digits.
func decimal(v schemas.Value) []byte {
	n := new(big.Int).SetBytes(v.Bytes)
	if len(v.Bytes) > 0 && v.Bytes[0]&0x80 != 0 { // two's complement
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(v.Bytes))))
	}
	sign := ""
	if n.Sign() < 0 {
		sign = "-"
		n.Neg(n)
	}
	digits, scale := n.String(), int(v.Scale)
	switch {
	case scale < 0 && digits != "0":
		digits += "e" + strconv.Itoa(-scale)
	case scale > 0:
		if len(digits) <= scale {
			digits = strings.Repeat("0", scale-len(digits)+1) + digits
		}
		digits = digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
	}
	return []byte(sign + digits)
}

// clock writes an Int that means a date, a time or a duration.
func clock(t schemas.TypeName, n int64) (string, bool) {
	const micros = "2006-01-02T15:04:05.999999"
	switch t {
	case schemas.DateType:
		return time.Unix(0, 0).UTC().AddDate(0, 0, int(n)).Format("2006-01-02"), true
	case schemas.TimeType:
		return time.UnixMicro(n).UTC().Format("15:04:05.999999"), true
	case schemas.MilliTimestampType:
		return time.UnixMilli(n).UTC().Format(micros), true
	case schemas.MicroTimestampType:
		return time.UnixMicro(n).UTC().Format(micros), true
	case schemas.InstantType:
		return time.UnixMicro(n).UTC().Format(micros + "Z"), true
	case schemas.DurationType:
		return duration(n), true
	}
	return "", false
}

// duration writes microseconds as ISO 8601, in seconds alone: "PT1.5S".
func duration(us int64) string {
	sign, u := "", uint64(us)
	if us < 0 {
		sign, u = "-", -u
	}
	s := strconv.FormatUint(u/1e6, 10)
	if frac := u % 1e6; frac != 0 {
		s += "." + strings.TrimRight(fmt.Sprintf("%06d", frac), "0")
	}
	return sign + "PT" + s + "S"
}

// appendString appends s as a JSON string. Bytes that are no UTF-8 become the
// replacement character.
func appendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		b := s[i]
		if b < 0x80 {
			switch {
			case b == '"' || b == '\\':
				dst = append(dst, '\\', b)
			case b == '\n':
				dst = append(dst, '\\', 'n')
			case b == '\r':
				dst = append(dst, '\\', 'r')
			case b == '\t':
				dst = append(dst, '\\', 't')
			case b < ' ' || b == 0x7f:
				dst = append(dst, '\\', 'u', '0', '0', hex[b>>4], hex[b&0xf])
			default:
				dst = append(dst, b)
			}
			i++
			continue
		}
		j := i
		for j < len(s) && s[j] >= 0x80 {
			j++
		}
		dst = append(dst, strings.ToValidUTF8(s[i:j], "\ufffd")...)
		i = j
	}
	return append(dst, '"')
}
