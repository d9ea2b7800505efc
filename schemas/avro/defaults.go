package avro

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"

	"sluice/schemas"
)

// defaultJSON writes a column's default as Avro demands: bytes as text of the
// code points 0 to 255. Nil: there is none that JSON can say (so NaN is none).
func defaultJSON(c *schemas.Column) (json.RawMessage, error) {
	if c.Default == nil || c.Default.Kind == schemas.Null || !c.Default.Known() {
		return nil, nil
	}
	return valueJSON(&c.Type, *c.Default)
}

func valueJSON(t *schemas.Type, v schemas.Value) (json.RawMessage, error) {
	if want := kindOf[t.Name]; v.Kind != want {
		return nil, fmt.Errorf("kind %v where %v is expected", v.Kind, want)
	}
	switch v.Kind {
	case schemas.Bool:
		return json.Marshal(v.Bool())
	case schemas.Int:
		if lo, hi := limits(t.Name); v.Int() < lo || v.Int() > hi {
			return nil, fmt.Errorf("%d is out of range", v.Int())
		}
		return json.Marshal(v.Int() / unitOf(t))
	case schemas.Float:
		f := v.Float()
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, nil
		}
		if t.Name == schemas.Float32Type {
			return json.Marshal(float32(f))
		}
		return json.Marshal(f)
	case schemas.Text:
		return quote(string(v.Bytes)), nil
	case schemas.Bytes:
		return quote(latin1(v.Bytes)), nil
	case schemas.Decimal:
		return decimalJSON(t, v)
	case schemas.List:
		if t.Name == schemas.StructType {
			return nil, nil // a field that may be null could only say null
		}
		out := json.RawMessage{'['}
		for i, e := range v.Elems() {
			if i > 0 {
				out = append(out, ',')
			}
			item, err := json.RawMessage("null"), error(nil)
			if e.Kind != schemas.Null || !t.Elem.Optional {
				item, err = valueJSON(&t.Elem.Type, e)
			}
			if err != nil || item == nil {
				return nil, err
			}
			out = append(out, item...)
		}
		return append(out, ']'), nil
	}
	return nil, fmt.Errorf("a default of kind %v", v.Kind)
}

// unitOf is what one of the Avro number is in the unit of the type's values.
func unitOf(t *schemas.Type) int64 {
	if t.Name == schemas.TimeType && (t.Precision == 3 || t.Meaning == connectData+"Time") {
		return 1000
	}
	return 1
}

func decimalJSON(t *schemas.Type, v schemas.Value) (json.RawMessage, error) {
	if t.Name == schemas.VarDecimalType {
		return fmt.Appendf(nil, `{"scale":%d,"value":%s}`, v.Scale, quote(latin1(v.Bytes))), nil
	}
	unscaled := signed(v.Bytes)
	if d := t.Scale - int(v.Scale); d != 0 { // a default "0" is often of no scale
		if d < 0 || d > 1000 {
			return nil, fmt.Errorf("its scale is %d where %d is expected", v.Scale, t.Scale)
		}
		unscaled.Mul(unscaled, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(d)), nil))
	}
	return quote(latin1(twosComplement(unscaled))), nil
}

// parseDefault reads what defaultJSON writes; nil for what it cannot.
func parseDefault(n *node, t *schemas.Type, times int64, raw json.RawMessage) *schemas.Value {
	if raw == nil || string(raw) == "null" {
		return nil
	}
	v, err := parseValue(n, t, times, raw)
	if err != nil {
		return nil
	}
	return &v
}

var errDefault = errors.New("the default does not fit its type")

func parseValue(n *node, t *schemas.Type, times int64, raw json.RawMessage) (v schemas.Value, err error) {
	switch kindOf[t.Name] {
	case schemas.Bool:
		var b bool
		err = json.Unmarshal(raw, &b)
		return schemas.BoolOf(b), err
	case schemas.Int:
		var i int64
		if err = json.Unmarshal(raw, &i); err == nil && (i > math.MaxInt64/times || i < math.MinInt64/times) {
			err = errDefault
		}
		return schemas.IntOf(i * times), err
	case schemas.Float:
		if t.Name == schemas.Float32Type { // the shortest text of a float32 is another float64
			var f float32
			err = json.Unmarshal(raw, &f)
			return schemas.FloatOf(float64(f)), err
		}
		var f float64
		err = json.Unmarshal(raw, &f)
		return schemas.FloatOf(f), err
	case schemas.Text:
		var s string
		err = json.Unmarshal(raw, &s)
		return schemas.TextOf([]byte(s)), err
	case schemas.Bytes:
		var s string
		err = json.Unmarshal(raw, &s)
		b, ok := fromLatin1(s)
		if !ok {
			err = errDefault
		}
		return schemas.BytesOf(b), err
	case schemas.Decimal:
		var s struct {
			Scale int32
			Value string
		}
		if s.Scale = int32(t.Scale); n.kind == "record" {
			err = json.Unmarshal(raw, &s)
		} else {
			err = json.Unmarshal(raw, &s.Value)
		}
		b, ok := fromLatin1(s.Value)
		if !ok || len(b) == 0 {
			err = errDefault
		}
		return schemas.DecimalOf(b, s.Scale), err
	case schemas.List:
		if t.Name == schemas.StructType {
			return v, errDefault
		}
		return parseList(n, t, raw)
	}
	return v, errDefault
}

func parseList(n *node, t *schemas.Type, raw json.RawMessage) (v schemas.Value, err error) {
	var items []json.RawMessage
	if err = json.Unmarshal(raw, &items); err != nil {
		return v, err
	}
	row := make(schemas.Row, len(items))
	inner := n.items
	if o, _, ok := inner.optional(); ok {
		inner = o
	}
	_, times, _ := inner.recognise()
	for i, item := range items {
		if string(item) == "null" && t.Elem.Optional {
			continue
		}
		if row[i], err = parseValue(inner, &t.Elem.Type, times, item); err != nil {
			return v, err
		}
	}
	return schemas.ListOf(row), nil
}

// latin1 makes each byte the code point of its value.
func latin1(b []byte) string {
	runes := make([]rune, len(b))
	for i, c := range b {
		runes[i] = rune(c)
	}
	return string(runes)
}

func fromLatin1(s string) ([]byte, bool) {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if r > 0xff {
			return nil, false
		}
		b = append(b, byte(r))
	}
	return b, true
}

// signed reads big-endian two's complement.
func signed(b []byte) *big.Int {
	n := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return n
}

// twosComplement writes the shortest big-endian two's complement of n.
func twosComplement(n *big.Int) []byte {
	size := n.BitLen()/8 + 1
	if n.Sign() < 0 {
		// -2^(8k-1) needs no more bits than 2^(8k-1)-1.
		size = new(big.Int).Not(n).BitLen()/8 + 1
		n = new(big.Int).Add(n, new(big.Int).Lsh(big.NewInt(1), uint(8*size)))
	}
	return n.FillBytes(make([]byte, size))
}
