package postgres

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sluice/capture/capturetest"
	"sluice/schemas"
)

// TestTextsOfExtensions reads what extensions write that a server of the tests
// may not have.
func TestTextsOfExtensions(t *testing.T) {
	for _, c := range []struct{ typ, text, want string }{
		{"vector", "[1,2.5,-3]", "[1f, 2.5f, -3f]"},
		{"vector", "[1e-05]", "[1e-05f]"},
		{"halfvec", "[0.1]", "[0.10000000149011612f]"},
		{"vector", "[]", "[]"},
		{"sparsevec", "{1:1.5,3:2}/5", "[5, [[1, 1.5f], [3, 2f]]]"},
		{"sparsevec", "{}/32767", "[32767, []]"},
		{"geometry", "0101000000000000000000F03F0000000000000040", "[x'0101000000000000000000f03f0000000000000040', null]"},
		{"geometry", "0101000020E6100000000000000000F03F0000000000000040", "[x'0101000020e6100000000000000000f03f0000000000000040', 4326]"},
		{"geometry", "0020000001000010E63FF00000000000004000000000000000", "[x'0020000001000010e63ff00000000000004000000000000000', 4326]"},
		{"geometry", "010700000000000000", "[x'010700000000000000', null]"},
		{"point", "(1.5,-2)", "[1.5f, -2f, x'0101000000000000000000f83f00000000000000c0', null]"},
		{"hstore", "", `"{}"`},
		{"hstore", `"a"=>"1", "b c"=>NULL, ""=>""`, `"{\"a\":\"1\",\"b c\":null,\"\":\"\"}"`},
		{"int8[][]", "[0:1][5:5]={{1},{NULL}}", "[[1], [null]]"},
		{"int8[][]", "{}", "[]"},
		{"text[][][]", `{{{a,"}"},{NULL,"\""}}}`, `[[["a", "}"], [null, "\""]]]`},
		{"box[]", "{(1,1),(0,0);(2,2),(1,1)}", `["(1,1),(0,0)", "(2,2),(1,1)"]`},
		{"domain of int8[] as array", `{"{1,2}",NULL,"{}"}`, "[[1, 2], null, []]"},
		{"money as text", "-$1,234.56", `"-1234.56"`},
		{"time(3)", "23:59:59.999", "86399999000"},
		{"truncate", "grün", `"grü"`},
		{"truncate", "no", `"no"`},
	} {
		v, err := decode(t, c.typ, c.text)
		if got := capturetest.RenderValue(v); err != nil || got != c.want {
			t.Errorf("%q as %s is %s, error %v; want %s", c.text, c.typ, got, err, c.want)
		}
	}
}

// TestHstoreIsJSON for any keys and values.
func TestHstoreIsJSON(t *testing.T) {
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	rapid.Check(t, func(t *rapid.T) {
		want := map[string]any{}
		var pairs []string
		for k, v := range rapid.MapOf(rapid.String(), rapid.Ptr(rapid.String(), true)).Draw(t, "pairs") {
			if v == nil {
				pairs = append(pairs, fmt.Sprintf(`"%s"=>NULL`, quoted.Replace(k)))
				want[k] = nil
				continue
			}
			pairs = append(pairs, fmt.Sprintf(`"%s"=>"%s"`, quoted.Replace(k), quoted.Replace(*v)))
			want[k] = *v
		}
		var a schemas.Arena
		var v schemas.Value
		if err := decodeHstore(&v, []byte(strings.Join(pairs, ", ")), &a); err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(v.Bytes, &got); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%s: %v, error %v; want %v", v.Bytes, got, err, want)
		}
	})
}

// TestIntervalsAsTheyAddUp compares with math/big, over all that the server has.
func TestIntervalsAsTheyAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		months := int64(rapid.Int32().Draw(t, "months"))
		days := int64(rapid.Int32().Draw(t, "days"))
		micros := rapid.Int64().Draw(t, "micros")
		sign, rest := "", new(big.Int).Abs(big.NewInt(micros))
		if micros < 0 {
			sign = "-"
		}
		seconds, fraction := new(big.Int).DivMod(rest, big.NewInt(microsSecond), new(big.Int))
		s := seconds.Int64()
		text := fmt.Sprintf("%d years %d mons %d days %s%02d:%02d:%02d.%06d",
			months/12, months%12, days, sign, s/3600, s/60%60, s%60, fraction.Int64())
		want := new(big.Int).Mul(big.NewInt(months), big.NewInt(microsMonth))
		want.Add(want, new(big.Int).Mul(big.NewInt(days), big.NewInt(microsDay)))
		want.Add(want, big.NewInt(micros))
		if low, high := big.NewInt(math.MinInt64), big.NewInt(math.MaxInt64); want.Cmp(low) < 0 {
			want = low
		} else if want.Cmp(high) > 0 {
			want = high
		}
		var v schemas.Value
		if err := decodeInterval(&v, []byte(text), nil); err != nil || v.Int() != want.Int64() {
			t.Fatalf("%s is %d, error %v; want %s", text, v.Int(), err, want)
		}
	})
}

// TestNestedArraysComeBack: what is written as an array of any dimensions is
// read as the same lists.
func TestNestedArraysComeBack(t *testing.T) {
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	rapid.Check(t, func(t *rapid.T) {
		dims := rapid.IntRange(1, 4).Draw(t, "dimensions")
		var write func(left int) (string, string)
		write = func(left int) (text, want string) {
			var texts, wants []string
			for range rapid.IntRange(1, 3).Draw(t, "length") {
				var one, is string
				switch {
				case left > 1:
					one, is = write(left - 1)
				case rapid.IntRange(0, 3).Draw(t, "null") == 0:
					one, is = "NULL", "null"
				default:
					s := rapid.String().Draw(t, "text")
					one, is = `"`+quoted.Replace(s)+`"`, capturetest.RenderValue(schemas.TextOf([]byte(s)))
				}
				texts, wants = append(texts, one), append(wants, is)
			}
			return "{" + strings.Join(texts, ",") + "}", "[" + strings.Join(wants, ", ") + "]"
		}
		text, want := write(dims)
		var a schemas.Arena
		var v schemas.Value
		err := decodeArray(decodeText, ',', dims)(&v, a.Copy([]byte(text)), &a)
		if got := capturetest.RenderValue(v); err != nil || got != want {
			t.Fatalf("%s of %d dimensions is %s, error %v; want %s", text, dims, got, err, want)
		}
		if err := decodeArray(decodeText, ',', dims+1)(&v, a.Copy([]byte(text)), &a); err == nil {
			t.Fatalf("%s passes for %d dimensions", text, dims+1)
		}
	})
}
