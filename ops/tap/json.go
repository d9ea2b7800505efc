package tap

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"time"

	"github.com/linkedin/goavro/v2"
)

// codec decodes the records of one schema with goavro and writes them as JSON
// in the order of the schema's fields. Unions are written as the value alone;
// decimals as text with all their digits; bytes in base64; dates, times and
// instants that have a logicalType as ISO 8601.
type codec struct {
	avro   *goavro.Codec
	schema any
	named  map[string]map[string]any
}

func newCodec(schema string) (*codec, error) {
	a, err := goavro.NewCodec(schema)
	if err != nil {
		return nil, err
	}
	c := &codec{avro: a, named: map[string]map[string]any{}}
	if err := json.Unmarshal([]byte(schema), &c.schema); err != nil {
		c.schema = schema // a bare name such as long
	}
	c.name(c.schema, "")
	return c, nil
}

// name notes the named types, under their full names.
func (c *codec) name(schema any, namespace string) {
	switch s := schema.(type) {
	case []any:
		for _, branch := range s {
			c.name(branch, namespace)
		}
	case map[string]any:
		if name := text(s["name"]); name != "" {
			if own := text(s["namespace"]); own != "" {
				namespace = own
			}
			full := fullName(name, namespace)
			if i := lastDot(full); i >= 0 {
				namespace = full[:i]
			}
			c.named[full] = s
			s["sluice.full"], s["sluice.namespace"] = full, namespace
		}
		fields, _ := s["fields"].([]any)
		for _, f := range fields {
			if f, ok := f.(map[string]any); ok {
				c.name(f["type"], namespace)
			}
		}
		for _, in := range []string{"type", "items", "values"} {
			c.name(s[in], namespace)
		}
	}
}

func (c *codec) decode(data []byte) (json.RawMessage, error) {
	native, rest, err := c.avro.NativeFromBinary(data)
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("%d bytes are left after the record", len(rest))
	}
	return c.append(nil, c.schema, native, "")
}

// append writes v, of the type that schema says.
func (c *codec) append(dst []byte, schema, v any, namespace string) ([]byte, error) {
	switch s := schema.(type) {
	case string:
		if named := c.named[fullName(s, namespace)]; named != nil {
			return c.append(dst, named, v, namespace)
		}
		return appendPrimitive(dst, s, "", v)
	case []any:
		if v == nil {
			return append(dst, "null"...), nil
		}
		chosen, ok := v.(map[string]any)
		if !ok || len(chosen) != 1 {
			return nil, fmt.Errorf("a union holds %T", v)
		}
		for branch, in := range chosen {
			return c.append(dst, c.branch(s, branch, namespace), in, namespace)
		}
	case map[string]any:
		return c.appendType(dst, s, v, namespace)
	}
	return nil, fmt.Errorf("a schema of %T", schema)
}

// branch returns the schema of the union's branch that goavro calls name: a
// primitive's name, a full name, or "<primitive>.<logicalType>".
func (c *codec) branch(union []any, name, namespace string) any {
	for _, b := range union {
		switch s := b.(type) {
		case string:
			if s == name || fullName(s, namespace) == name {
				return s
			}
		case map[string]any:
			kind, _ := s["type"].(string)
			if text(s["sluice.full"]) == name || kind == name || kind+"."+text(s["logicalType"]) == name {
				return s
			}
		}
	}
	return name
}

func (c *codec) appendType(dst []byte, s map[string]any, v any, namespace string) ([]byte, error) {
	if ns := text(s["sluice.namespace"]); ns != "" {
		namespace = ns
	}
	kind, ok := s["type"].(string)
	if !ok {
		return c.append(dst, s["type"], v, namespace)
	}
	switch kind {
	case "record":
		return c.appendRecord(dst, s, v, namespace)
	case "array":
		list, _ := v.([]any)
		dst = append(dst, '[')
		for i, e := range list {
			if i > 0 {
				dst = append(dst, ',')
			}
			var err error
			if dst, err = c.append(dst, s["items"], e, namespace); err != nil {
				return nil, err
			}
		}
		return append(dst, ']'), nil
	case "map":
		m, _ := v.(map[string]any)
		dst = append(dst, '{')
		for i, k := range sortedKeys(m) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendText(dst, k), ':')
			var err error
			if dst, err = c.append(dst, s["values"], m[k], namespace); err != nil {
				return nil, err
			}
		}
		return append(dst, '}'), nil
	case "fixed":
		kind = "bytes"
	case "enum":
		kind = "string"
	}
	if text(s["connect.name"]) == "org.apache.kafka.connect.data.Decimal" {
		if unscaled, ok := v.([]byte); ok {
			return appendDecimal(dst, unscaled, connectScale(s)), nil
		}
	}
	scale, _ := s["scale"].(float64)
	if r, ok := v.(*big.Rat); ok {
		return appendText(dst, r.FloatString(int(scale))), nil
	}
	return appendPrimitive(dst, kind, text(s["logicalType"]), v)
}

func (c *codec) appendRecord(dst []byte, s map[string]any, v any, namespace string) ([]byte, error) {
	rec, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("record %s holds %T", text(s["sluice.full"]), v)
	}
	if text(s["connect.name"]) == "io.debezium.data.VariableScaleDecimal" {
		scale, _ := rec["scale"].(int32)
		unscaled, _ := rec["value"].([]byte)
		return appendDecimal(dst, unscaled, int(scale)), nil
	}
	dst = append(dst, '{')
	fields, _ := s["fields"].([]any)
	for i, f := range fields {
		f, _ := f.(map[string]any)
		name := text(f["name"])
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendText(dst, name), ':')
		var err error
		if dst, err = c.append(dst, f["type"], rec[name], namespace); err != nil {
			return nil, fmt.Errorf("field %s: %w", name, err)
		}
	}
	return append(dst, '}'), nil
}

func appendPrimitive(dst []byte, kind, logical string, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case string:
		return appendText(dst, v), nil
	case []byte:
		return appendText(dst, base64.StdEncoding.EncodeToString(v)), nil
	case time.Time:
		layout := time.RFC3339Nano
		if logical == "date" {
			layout = time.DateOnly
		}
		return appendText(dst, v.UTC().Format(layout)), nil
	case time.Duration:
		return appendText(dst, time.Time{}.Add(v).Format("15:04:05.999999")), nil
	case float32:
		return appendFloat(dst, float64(v), 32), nil
	case float64:
		return appendFloat(dst, v, 64), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case int32:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	default:
		return nil, fmt.Errorf("a %s holds %T", kind, v)
	}
}

// appendFloat writes the shortest number that reads back the same; what JSON
// has no number for is a text.
func appendFloat(dst []byte, f float64, bits int) []byte {
	s := strconv.FormatFloat(f, 'g', -1, bits)
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return appendText(dst, s)
	}
	return append(dst, s...)
}

// appendDecimal writes unscaled * 10^-scale, unscaled in big-endian two's
// complement.
func appendDecimal(dst, unscaled []byte, scale int) []byte {
	n := new(big.Int).SetBytes(unscaled)
	if len(unscaled) > 0 && unscaled[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(len(unscaled))*8))
	}
	if scale <= 0 {
		n.Mul(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(-scale)), nil))
		return appendText(dst, n.String())
	}
	one := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)
	return appendText(dst, new(big.Rat).SetFrac(n, one).FloatString(scale))
}

func connectScale(s map[string]any) int {
	parameters, _ := s["connect.parameters"].(map[string]any)
	scale, _ := strconv.Atoi(text(parameters["scale"])) // 0 where there is none
	return scale
}

func appendText(dst []byte, s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always has a form in JSON
	return append(dst, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}
