package postgres

import (
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice/capture/capturetest"
	"sluice/schemas"
)

// decoders are all there are, by the type that they read.
var decoders = map[string]decodeFunc{
	"text": decodeText, "bool": decodeBool, "int2": decodeInt(16), "int8": decodeInt(64), "float8": decodeFloat(64),
	"bytea": decodeBytea, "bits": decodeBits, "bit": decodeBit, "enum": decodeEnum(1, []string{"a", "b"}),
	"numeric(10,2)": decodeDecimal(2), "numeric": decodeVarDecimal, "money": plainMoney(decodeDecimal(2)),
	"money as text": plainMoney(decodeText), "time(3)": decodeMilliTime, "point": decodePoint, "geometry": decodeEWKB,
	"hstore": decodeHstore, "vector": decodeVector(64), "halfvec": decodeVector(32), "sparsevec": decodeSparse(schemas.Int16Type), "box[]": decodeArray(decodeText, ';', 1),
	"int8[][]": decodeArray(decodeInt(64), ',', 2), "text[][][]": decodeArray(decodeText, ',', 3), "point[]": decodeArray(decodePoint, ',', 1),
	"domain of int8[] as array": decodeArray(decodeArray(decodeInt(64), ',', 1), ',', 1),
	"hash":                      decodeHashed("salt"), "truncate": decodeTruncated(decodeText, 3), "mask": decodeMasked,
	"date": decodeDate, "time": decodeTime, "timetz": decodeTimetz, "timestamp": decodeTimestamp(1),
	"timestamp(3)": decodeTimestamp(1000), "timestamptz": decodeTimestamptz(-1), "interval": decodeInterval,
	"int8[]": decodeArray(decodeInt(64), ',', 1), "text[]": decodeArray(decodeText, ',', 1), "numeric[]": decodeArray(decodeVarDecimal, ',', 1),
}

func decode(t testing.TB, typ, text string) (schemas.Value, error) {
	t.Helper()
	var a schemas.Arena
	var v schemas.Value
	err := decoders[typ](&v, a.Copy([]byte(text)), &a)
	return v, err
}

// TestRefusedTexts: what a server does not write is an error, not a value.
func TestRefusedTexts(t *testing.T) {
	for typ, texts := range map[string][]string{
		"bool":          {"", "true", "x"},
		"int2":          {"", "-", "32768", "-32769", "1a", "+1"},
		"int8":          {"9223372036854775808", "-9223372036854775809", "99999999999999999999"},
		"float8":        {"", "1x"},
		"bytea":         {"", "ff", `\xf`, `\xgg`, `\000`},
		"bits":          {"012"},
		"bit":           {"", "2", "10"},
		"numeric(10,2)": {"", "-", ".", "1.234", "1e5", "NaN", "Infinity", "--1", "1.2.3", "+1"},
		"numeric":       {"-Infinity", "1.2.3", "", "abc"},
		"date":          {"", "2024-1-1", "2024-13-01", "24-01-01", "2024-01-01x", "2024-01-01 AD"},
		"time":          {"", "12:00", "25:00:00", "12:00:00.", "12:00:00.1234567"},
		"timestamp":     {"2024-01-01", "2024-01-01T00:00:00", "2024-01-01 00:00:00+00"},
		"timestamptz":   {"2024-01-01 00:00:00+02", "2024-01-01"},
		"interval":      {"", "1", "1 fortnight", "9999999999 years", "1 day 2", "3000000000 days", "1 day ", "2562047789:00:00", "2562047788:59:59", "00:00"},
		"int8[]":        {"", "{", "{1", "{1,}", "{,1}", "{a}", "{{1},{2}}", `{"1}`, "[0:1]", "{1}}", "{1;2}"},
		"int8[][]":      {"{1,2}", "{{1},2}", "{{1}", "{{1},}", "{{1}{2}}", "{{{1}}}", "{{1}},{2}", `{{1"},{2}}`, "{,{1}}"},
		"text[][][]":    {"{{a}}", `{{{"a}}}`, "{{{a}},{{b}}"},
		"point":         {"", "(1)", "(1,2", "1,2", "(1,2,3)", "(a,b)", "(,)"},
		"geometry":      {"", "01", "0101000020", "zz01000000", "0201000000", "POINT(1 2)", "010100000"},
		"hstore":        {`"a"`, `"a"=>`, `a=>"1"`, `"a"=>"1",`, `"a"=>"1""b"=>"2"`, `"a"=>"1\`, `"a"=>NUL`, `"a"=>"1" `},
		"vector":        {"", "[", "[1,]", "[a]", "{1}", "[1,,2]", "1,2"},
		"sparsevec":     {"", "{}", "{1:2}", "{1:2}/", "{0:1}/3", "{4:1}/3", "{1}/3", "{1:a}/3", "{1:1}/99999", "{1:1,}/3"},
	} {
		for _, text := range texts {
			if v, err := decode(t, typ, text); err == nil {
				t.Errorf("%q as %s is %s, want an error", text, typ, capturetest.RenderValue(v))
			}
		}
	}
}

// TestNumericIsExact compares with math/big, at every size.
func TestNumericIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole := rapid.StringMatching(`(0|[1-9][0-9]{0,40})`).Draw(t, "whole")
		fraction := rapid.StringMatching(`[0-9]{0,30}`).Draw(t, "fraction")
		text := whole
		if fraction != "" {
			text += "." + fraction
		}
		if rapid.Bool().Draw(t, "negative") {
			text = "-" + text
		}
		scale := len(fraction) + rapid.IntRange(0, 5).Draw(t, "more scale")
		var a schemas.Arena
		var v schemas.Value
		if err := decodeNumeric(&v, []byte(text), &a, scale); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		unscaled, _ := new(big.Int).SetString(strings.Replace(text, ".", "", 1), 10)
		unscaled.Mul(unscaled, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale-len(fraction))), nil))
		got := new(big.Int).SetBytes(v.Bytes)
		if v.Bytes[0] >= 0x80 {
			got.Sub(got, new(big.Int).Lsh(big.NewInt(1), uint(len(v.Bytes))*8))
		}
		if got.Cmp(unscaled) != 0 || int(v.Scale) != scale {
			t.Fatalf("%s at scale %d is %s at %d, want %s", text, scale, got, v.Scale, unscaled)
		}
		if n := len(v.Bytes); n > 1 && (v.Bytes[0] == 0 && v.Bytes[1] < 0x80 || v.Bytes[0] == 0xFF && v.Bytes[1] >= 0x80) {
			t.Fatalf("%s is % x, which is not the shortest form", text, v.Bytes)
		}
	})
}

// TestTimesAsTheStandardLibraryReadsThem over all years that it can write.
func TestTimesAsTheStandardLibraryReadsThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.UnixMicro(rapid.Int64Range(-62135596800_000000, 253402300799_999999).Draw(t, "micros")).UTC()
		var a schemas.Arena
		var v schemas.Value
		if err := decodeTimestamp(1)(&v, []byte(at.Format("2006-01-02 15:04:05.999999")), &a); err != nil || v.Int() != at.UnixMicro() {
			t.Fatalf("timestamp %s is %d, error %v", at, v.Int(), err)
		}
		if err := decodeDate(&v, []byte(at.Format("2006-01-02")), &a); err != nil || v.Int() != days(int64(at.Year()), int64(at.Month()), int64(at.Day())) {
			t.Fatalf("date of %s is %d, error %v", at, v.Int(), err)
		}
		if want := at.Truncate(24*time.Hour).UnixMicro() / microsDay; v.Int() != want {
			t.Fatalf("date of %s is %d, want %d", at, v.Int(), want)
		}
		if err := decodeTimestamptz(-1)(&v, []byte(at.Format("2006-01-02 15:04:05.999999-07")), &a); err != nil || string(v.Bytes) != at.Format("2006-01-02T15:04:05.000000Z") {
			t.Fatalf("timestamptz %s is %s, error %v", at, v.Bytes, err)
		}
	})
}

// FuzzDecoders: no text makes a decoder panic or write outside its bytes.
func FuzzDecoders(f *testing.F) {
	for _, seed := range []string{
		"", "t", "-12.30", "NaN", `\x00ff`, "2024-02-29 12:34:56.789+00", "0044-03-15 BC", "1 year 2 mons -3 days +04:05:06.7",
		`{1,NULL,"a\"b,c"}`, "[0:1]={1,2}", "{{1}}", "[1:1][-2:-1]={{1,2}}", `{{{a,"}"},{NULL,"\""}}}`, `{"{1,2}","{3}"}`,
		"(1.5,-2e300)", "0101000020E6100000000000000000F03F0000000000000040", `"a"=>"1", "b\""=>NULL`, "[1,2.5,-3]", "{1:1.5,3:2}/5",
		`{"(1,2)",NULL}`, "{(1,1),(0,0);(2,2),(1,1)}", "178000000 years -24:00:00.000001", "-$1,234.56", "01:02:03-15:59:59", "999999999999999999999.9", "10101",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		const guard = "guard"
		for typ, decode := range decoders {
			buf := []byte(text + guard)
			var a schemas.Arena
			var v schemas.Value
			err := decode(&v, buf[:len(text):len(text)], &a)
			if string(buf[len(text):]) != guard {
				t.Fatalf("%q as %s wrote behind its text", text, typ)
			}
			if err == nil && v.IsNull() {
				t.Fatalf("%q as %s is null", text, typ)
			}
			if err == nil {
				_ = capturetest.RenderValue(v)
			}
		}
	})
}
