package cases

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/schemas"
	"sluice/stream/rules"
)

// valueOf brings what stands in the YAML into a column or field. Nothing is
// guessed: a number where a text belongs is an error.
func valueOf(in any, t schemas.Type) (schemas.Value, error) {
	wrong := fmt.Errorf("%v is no %s", in, rules.TypeText(t))
	if in == nil {
		return schemas.Value{}, nil
	}
	text, isText := in.(string)
	switch t.Name {
	case schemas.BoolType:
		if b, ok := in.(bool); ok {
			return schemas.BoolOf(b), nil
		}
	case schemas.Int16Type, schemas.Int32Type, schemas.Int64Type:
		if n, ok := integer(in); ok {
			return schemas.IntOf(n), nil
		}
	case schemas.Float32Type, schemas.Float64Type:
		if n, ok := integer(in); ok {
			return schemas.FloatOf(float64(n)), nil
		}
		if f, ok := in.(float64); ok {
			return schemas.FloatOf(f), nil
		}
	case schemas.DecimalType, schemas.VarDecimalType:
		return decimal(in, t, wrong)
	case schemas.DateType:
		if d, err := time.Parse(time.DateOnly, text); err == nil {
			return schemas.IntOf(d.Unix() / 86400), nil
		}
	case schemas.MilliTimestampType, schemas.MicroTimestampType, schemas.InstantType, schemas.ZonedTimestampType:
		if at, ok := instant(text); ok {
			switch t.Name {
			case schemas.MilliTimestampType:
				return schemas.IntOf(at.UnixMilli()), nil
			case schemas.ZonedTimestampType:
				return schemas.TextOf([]byte(at.Format("2006-01-02T15:04:05.999999Z07:00"))), nil
			}
			return schemas.IntOf(at.UnixMicro()), nil
		}
	case schemas.TimeType:
		if at, err := time.Parse("15:04:05.999999", text); err == nil {
			return schemas.IntOf(at.Sub(at.Truncate(24 * time.Hour)).Microseconds()), nil
		}
	case schemas.DurationType:
		if d, err := time.ParseDuration(text); err == nil {
			return schemas.IntOf(d.Microseconds()), nil
		}
	case schemas.JSONType:
		if !isText {
			out, err := json.Marshal(in)
			return schemas.TextOf(out), err
		}
		return schemas.TextOf([]byte(text)), nil
	case schemas.StringType, schemas.UUIDType, schemas.XMLType, schemas.ZonedTimeType:
		if isText {
			return schemas.TextOf([]byte(text)), nil
		}
		return schemas.Value{}, fmt.Errorf("%w; write it in quotes", wrong)
	case schemas.EnumType:
		if isText && slices.Contains(t.Symbols, text) {
			return schemas.TextOf([]byte(text)), nil
		}
		return schemas.Value{}, fmt.Errorf("%v is none of %s", in, strings.Join(t.Symbols, ", "))
	case schemas.BytesType, schemas.BitsType:
		if isText {
			return schemas.BytesOf([]byte(text)), nil
		}
	case schemas.ArrayType:
		if list, ok := in.([]any); ok {
			row := make(schemas.Row, len(list))
			for i, e := range list {
				var err error
				if row[i], err = valueOf(e, t.Elem.Type); err != nil {
					return schemas.Value{}, err
				}
			}
			return schemas.ListOf(row), nil
		}
	}
	return schemas.Value{}, wrong
}

func integer(in any) (int64, bool) {
	switch n := in.(type) {
	case int:
		return int64(n), true
	case int64:
		return n, true
	case uint64:
		return int64(n), n <= math.MaxInt64
	}
	return 0, false
}

func decimal(in any, t schemas.Type, wrong error) (schemas.Value, error) {
	var text string
	switch n := in.(type) {
	case string:
		text = n
	case float64:
		text = strconv.FormatFloat(n, 'f', -1, 64)
	default:
		i, ok := integer(in)
		if !ok {
			return schemas.Value{}, wrong
		}
		text = strconv.FormatInt(i, 10)
	}
	v, ok := rules.ParseDecimal(text)
	if !ok {
		return schemas.Value{}, wrong
	}
	if t.Name == schemas.VarDecimalType {
		return v, nil
	}
	v, problem := rules.FitDecimal(v, t)
	if problem != "" {
		return v, fmt.Errorf("%s %s", text, problem)
	}
	return v, nil
}

// instant reads RFC 3339, or a date and time without a zone, which is UTC.
func instant(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05Z07:00", time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}
