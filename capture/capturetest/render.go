package capturetest

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"sluice/schemas"
)

// Render writes a change in one line:
//
//	c items => {id: 1, name: "a"}
//	u items {id: 1, name: "a"} => {id: 1, name: "b"}
//	d items {id: 1, name: absent}
//	d items {id: 1, name: "a"} newkey {2}
//	t items
func Render(c *schemas.Change) string {
	var b strings.Builder
	b.WriteString(c.Op.String() + " " + c.Table.Name)
	if c.Before != nil {
		b.WriteString(" " + renderRow(c.Table, c.Before))
	}
	if c.After != nil {
		b.WriteString(" => " + renderRow(c.Table, c.After))
	}
	if c.OtherKey != nil {
		word := " newkey {"
		if c.Op != schemas.Delete {
			word = " oldkey {"
		}
		b.WriteString(word)
		for i, v := range c.OtherKey {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(RenderValue(v))
		}
		b.WriteString("}")
	}
	return b.String()
}

func renderRow(t *schemas.Table, row schemas.Row) string {
	if len(row) != len(t.Columns) {
		return fmt.Sprintf("{%d values for %d columns}", len(row), len(t.Columns))
	}
	parts := make([]string, len(row))
	for i, v := range row {
		parts[i] = t.Columns[i].Name + ": " + RenderValue(v)
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// RenderValue writes a value: null, true, 1, 1.5f, "text", x'00ff', 12.30 for a
// decimal, [1, null] for a list; unchanged and absent by their names.
func RenderValue(v schemas.Value) string {
	switch v.Kind {
	case schemas.Bool:
		return strconv.FormatBool(v.Bool())
	case schemas.Int:
		return strconv.FormatInt(v.Int(), 10)
	case schemas.Float:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64) + "f"
	case schemas.Text:
		return strconv.Quote(string(v.Bytes))
	case schemas.Bytes:
		return fmt.Sprintf("x'%x'", v.Bytes)
	case schemas.Decimal:
		return renderDecimal(v)
	case schemas.List:
		parts := make([]string, 0, len(v.Elems()))
		for _, e := range v.Elems() {
			parts = append(parts, RenderValue(e))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return v.Kind.String()
}

func renderDecimal(v schemas.Value) string {
	n := new(big.Int).SetBytes(v.Bytes)
	if len(v.Bytes) > 0 && v.Bytes[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(len(v.Bytes))*8))
	}
	sign := ""
	if n.Sign() < 0 {
		sign = "-"
		n.Neg(n)
	}
	digits := n.String()
	scale := int(v.Scale)
	if scale <= 0 {
		return sign + digits
	}
	if len(digits) <= scale {
		digits = strings.Repeat("0", scale+1-len(digits)) + digits
	}
	return sign + digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
}
