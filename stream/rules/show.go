package rules

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"sluice/schemas"
)

// Show writes a value of a type for a person: texts in quotes, dates and times in
// ISO 8601, decimals with all their digits, null as null. Two values of one type
// are written alike only if they are equal, but for texts beyond 200 bytes.
func Show(v schemas.Value, t schemas.Type) string {
	switch v.Kind {
	case schemas.Null:
		return "null"
	case schemas.Int:
		switch t.Name {
		case schemas.DateType:
			return time.Unix(v.Int()*86400, 0).UTC().Format(time.DateOnly)
		case schemas.InstantType, schemas.MicroTimestampType:
			return time.UnixMicro(v.Int()).UTC().Format(time.RFC3339Nano)
		case schemas.MilliTimestampType:
			return time.UnixMilli(v.Int()).UTC().Format(time.RFC3339Nano)
		}
		return strconv.FormatInt(v.Int(), 10)
	case schemas.Float:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	case schemas.Text:
		return strconv.Quote(shorten(string(v.Bytes), 200))
	case schemas.Bytes:
		return fmt.Sprintf("0x%x", v.Bytes)
	case schemas.Decimal:
		return decimalText(v)
	case schemas.List:
		var all []string
		for i, e := range v.Elems() {
			switch {
			case t.Name == schemas.StructType && t.Record != nil && i < len(t.Record.Columns):
				all = append(all, t.Record.Columns[i].Name+": "+Show(e, t.Record.Columns[i].Type))
			case t.Elem != nil:
				all = append(all, Show(e, t.Elem.Type))
			default:
				all = append(all, showValue(e))
			}
		}
		return "[" + strings.Join(all, ", ") + "]"
	case schemas.Bool:
		return strconv.FormatBool(v.Bool())
	}
	return v.Kind.String()
}

// ParseDecimal reads digits with a sign and a point as a decimal; false if it is
// none.
func ParseDecimal(text string) (schemas.Value, bool) {
	whole, fraction, _ := strings.Cut(text, ".")
	if strings.Trim(whole, "+-")+fraction == "" || !allDigits(fraction) || !allDigits(strings.TrimLeft(whole, "+-")) {
		return schemas.Value{}, false
	}
	n, ok := new(big.Int).SetString(whole+fraction, 10)
	if !ok {
		return schemas.Value{}, false
	}
	return schemas.DecimalOf(appendBig(n), int32(len(fraction))), true
}

// FitDecimal brings a decimal, without a change of its value, to the scale of a
// DecimalType; else it says what is in the way.
func FitDecimal(v schemas.Value, t schemas.Type) (schemas.Value, string) {
	return rescale(v, t, new(schemas.Arena))
}

// TypeText names a type as a declaration does.
func TypeText(t schemas.Type) string { return typeText(t) }
