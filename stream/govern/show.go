package govern

import (
	"encoding/hex"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"sluice/schemas"
)

// typeText names a type as an entity's declaration does.
func typeText(t *schemas.Type) string {
	switch t.Name {
	case schemas.BoolType:
		return "bool"
	case schemas.Int64Type:
		return "int"
	case schemas.Float64Type:
		return "float"
	case schemas.StringType:
		return "string"
	case schemas.DecimalType:
		return fmt.Sprintf("decimal(%d,%d)", t.Precision, t.Scale)
	case schemas.DateType:
		return "date"
	case schemas.InstantType:
		return "timestamp"
	case schemas.EnumType:
		return "enum(" + strings.Join(t.Symbols, ",") + ")"
	case schemas.ArrayType:
		return "list(" + typeText(&t.Elem.Type) + ")"
	case schemas.StructType:
		var fields []string
		for i := range t.Record.Columns {
			c := &t.Record.Columns[i]
			fields = append(fields, c.Name+" "+typeText(&c.Type))
		}
		return "struct(" + strings.Join(fields, ",") + ")"
	}
	// Entities declare no other; the number keeps them apart.
	return fmt.Sprintf("type %d(%d,%d)", t.Name, t.Precision, t.Scale)
}

// show writes a value for a person, with all that tells it from another.
func show(v schemas.Value, t *schemas.Type) string {
	switch v.Kind {
	case schemas.Bool:
		return strconv.FormatBool(v.Bool())
	case schemas.Int:
		switch t.Name {
		case schemas.DateType:
			return time.Unix(v.Int()*86400, 0).UTC().Format(time.DateOnly)
		case schemas.InstantType, schemas.MicroTimestampType:
			return showTime(v.Int())
		}
		return strconv.FormatInt(v.Int(), 10)
	case schemas.Float:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	case schemas.Text:
		return string(v.Bytes)
	case schemas.Bytes:
		return "0x" + hex.EncodeToString(v.Bytes)
	case schemas.Decimal:
		return showDecimal(v)
	case schemas.List:
		var all []string
		for i, e := range v.Elems() {
			of := t.Elem
			if t.Name == schemas.StructType {
				of = &t.Record.Columns[i]
			}
			all = append(all, show(e, &of.Type))
		}
		return "[" + strings.Join(all, ", ") + "]"
	}
	return v.Kind.String()
}

func showTime(micros int64) string {
	if micros == 0 {
		return "a time that is not known"
	}
	return time.UnixMicro(micros).UTC().Format(time.RFC3339Nano)
}

func showDecimal(v schemas.Value) string {
	n := unscaled(v.Bytes)
	if v.Scale <= 0 || v.Scale > 1000 {
		if v.Scale == 0 {
			return n.String()
		}
		return n.String() + "e" + strconv.Itoa(-int(v.Scale))
	}
	sign := ""
	if n.Sign() < 0 {
		sign = "-"
	}
	digits := n.Abs(n).String()
	if short := int(v.Scale) + 1 - len(digits); short > 0 {
		digits = strings.Repeat("0", short) + digits
	}
	point := len(digits) - int(v.Scale)
	return sign + digits[:point] + "." + digits[point:]
}

// unscaled reads the big endian two's complement of a decimal.
func unscaled(b []byte) *big.Int {
	n := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(len(b))*8))
	}
	return n
}
