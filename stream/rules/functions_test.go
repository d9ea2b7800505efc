package rules

import (
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"sluice/schemas"
	"sluice/stream"
)

var update = flag.Bool("update", false, "write FUNCTIONS.md anew")

// evaluate gives the result of an expression without columns as an example
// writes it.
func evaluate(t testing.TB, env *dialect, expression string) string {
	t.Helper()
	checked, issues := env.Compile(expression)
	if issues.Err() != nil {
		return "error: " + issues.Err().Error()
	}
	program, err := env.Program(checked)
	if err != nil {
		return "error: " + err.Error()
	}
	out, _, err := program.Eval(cel.NoVars())
	if err != nil {
		return "error: " + err.Error()
	}
	return written(out)
}

func written(v ref.Val) string {
	switch v := v.(type) {
	case types.String:
		return fmt.Sprintf("%q", string(v))
	case types.Timestamp:
		return v.Format(time.RFC3339Nano)
	case types.Null:
		return "null"
	case traits.Lister:
		var all []string
		for it := v.Iterator(); it.HasNext() == types.True; {
			all = append(all, written(it.Next()))
		}
		return "[" + strings.Join(all, ", ") + "]"
	}
	return fmt.Sprint(v.Value())
}

func environment(t testing.TB) *dialect {
	t.Helper()
	env, err := baseEnv(nil)
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// matches compares what came with what an example says.
func matches(got, want string) bool {
	if text, ok := strings.CutPrefix(want, "error: "); ok {
		return strings.HasPrefix(got, "error: ") && strings.Contains(got, text)
	}
	return got == want
}

// TestExamples keeps every example of the reference true.
func TestExamples(t *testing.T) {
	env := environment(t)
	for _, f := range Functions() {
		for _, e := range f.Examples {
			if e.Expression == "lookup('segments', null)" {
				continue // a table of a file: TestLookup
			}
			if got := evaluate(t, env, e.Expression); !matches(got, e.Gives) {
				t.Errorf("%s\n gives %s\n  want %s", e.Expression, got, e.Gives)
			}
		}
		if len(f.Examples) == 0 || f.Doc == "" || !strings.HasPrefix(f.Signature, f.Name+"(") {
			t.Errorf("%s lacks an example, its text, or its signature", f.Name)
		}
	}
}

// TestReference keeps FUNCTIONS.md equal to the code; -update writes it anew.
func TestReference(t *testing.T) {
	if *update {
		if err := os.WriteFile("FUNCTIONS.md", []byte(Reference()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile("FUNCTIONS.md")
	if err != nil || string(have) != Reference() {
		t.Errorf("FUNCTIONS.md is not what the code says (%v): go test ./stream/rules -run TestReference -update", err)
	}
}

// TestMoreOfFunctions has the cases that teach nobody.
func TestMoreOfFunctions(t *testing.T) {
	env := environment(t)
	for _, c := range []struct{ expression, want string }{
		// Dates.
		{"parse_date('29.02.2023', 'DD.MM.YYYY')", "error: no date"},
		{"parse_date('29.02.1900', 'DD.MM.YYYY')", "error: no date"},
		{"parse_date('29.02.2000', 'DD.MM.YYYY')", "2000-02-29T00:00:00Z"},
		{"parse_date('1.2.2024', 'DD.MM.YYYY')", "error: no date"},
		{"parse_date('1.12.24', 'D.M.YY')", "2024-12-01T00:00:00Z"},
		{"parse_date('01.02.69', 'DD.MM.YY')", "1969-02-01T00:00:00Z"},
		{"parse_date('01.02.68', 'DD.MM.YY')", "2068-02-01T00:00:00Z"},
		{"parse_date('01.02.2024 ', 'DD.MM.YYYY')", "error: no date"},
		{"parse_date('0000-01-01', 'YYYY-MM-DD')", "error: no date"},
		{"parse_date('20240229', 'YYYYMMDD')", "2024-02-29T00:00:00Z"},
		{"parse_date('february 29, 2024', 'MMMM D, YYYY')", "2024-02-29T00:00:00Z"},
		{"parse_date('Feb 30, 2024', 'MMM D, YYYY')", "error: no date"},
		{"parse_date('2024-02-29', 'YYYY-MM-DD HH:mm')", "error: a date would lose"},
		{"parse_date('2024', 'YYYY')", "error: lacks the year, month or day"},
		{"parse_date('x', 'DD.MM.YYYY q')", "error: q is no part"},
		{"parse_date('x', 'DD.MM.YYYY DD')", "error: has D twice"},
		{"parse_date('x', '[DD.MM.YYYY')", "error: has no ]"},
		{"parse_date('x', ['YYYY-MM-DD', 'DD.MM.YYYY'])", "error: of the form YYYY-MM-DD or DD.MM.YYYY"},
		// Times of day.
		{"parse_time('2024-02-29 12:05 AM', 'YYYY-MM-DD hh:mm A', 'UTC')", "2024-02-29T00:05:00Z"},
		{"parse_time('2024-02-29 12:05 pm', 'YYYY-MM-DD hh:mm A', 'UTC')", "2024-02-29T12:05:00Z"},
		{"parse_time('2024-02-29 13:05 PM', 'YYYY-MM-DD hh:mm A', 'UTC')", "error: no date"},
		{"parse_time('2024-02-29 24:00', 'YYYY-MM-DD HH:mm', 'UTC')", "error: no date"},
		{"parse_time('2024-06-30 23:59:60', 'YYYY-MM-DD HH:mm:ss', 'UTC')", "error: no date"},
		{"parse_time('2024-02-29', 'YYYY-MM-DD', 'Asia/Kolkata')", "2024-02-28T18:30:00Z"},
		{"parse_time('2024-02-29T12:00:00-0330', 'YYYY-MM-DD[T]HH:mm:ssZ')", "2024-02-29T15:30:00Z"},
		{"parse_time('2024-02-29T12:00:00Z', 'YYYY-MM-DD[T]HH:mm:ssZ', 'Europe/Berlin')", "2024-02-29T12:00:00Z"},
		{"parse_time('2024-02-29 12:00', 'YYYY-MM-DD HH:mm')", "error: has no Z"},
		{"parse_time('2024-02-29 12:00', 'YYYY-MM-DD hh:mm', 'UTC')", "error: write HH for 24 hours"},
		{"parse_time('2024-02-29 12:00', 'YYYY-MM-DD HH:mm', 'Berlin')", "error: is no time zone"},
		{"parse_time('2024-02-29 12:00', 'YYYY-MM-DD HH:mm', 'Local')", "error: is no time zone"},
		{"parse_time('2024-02-29 12:00', 'YYYY-MM-DD HH:mm', 'UTC', 'first')", "error: is no choice"},
		{"parse_time('2024-03-31 02:30', 'YYYY-MM-DD HH:mm', 'Europe/Berlin', 'earlier')", "2024-03-31T00:30:00Z"},
		{"parse_time('2024-03-31 02:30', 'YYYY-MM-DD HH:mm', 'Europe/Berlin', 'later')", "2024-03-31T01:30:00Z"},
		{"parse_time('2024-03-31 01:59', 'YYYY-MM-DD HH:mm', 'Europe/Berlin')", "2024-03-31T00:59:00Z"},
		{"parse_time('2024-03-31 03:00', 'YYYY-MM-DD HH:mm', 'Europe/Berlin')", "2024-03-31T01:00:00Z"},
		{"parse_time('2024-11-03 01:30', 'YYYY-MM-DD HH:mm', 'America/New_York', 'later')", "2024-11-03T06:30:00Z"},
		{"parse_time('2024-04-07 01:45', 'YYYY-MM-DD HH:mm', 'Australia/Lord_Howe', 'earlier')", "2024-04-06T14:45:00Z"},
		{"parse_time('2011-12-30 12:00', 'YYYY-MM-DD HH:mm', 'Pacific/Apia')", "error: never comes"},
		// Numbers and money.
		{"parse_number('1.234.567', ',', '.')", "1.234567e+06"},
		{"parse_number('12,34,567.5', '.', ',')", "1.2345675e+06"},
		{"parse_number('1.2.3', ',', '.')", "error: is no number"},
		{"parse_number('1,,234', '.', ',')", "error: is no number"},
		{"parse_number('.5')", "0.5"},
		{"parse_number('5.')", "5"},
		{"parse_number('.')", "error: is no number"},
		{"parse_number('+5')", "5"},
		{"parse_number('--5')", "error: is no number"},
		{"parse_number('(-5)')", "error: is no number"},
		{"parse_number('1e5')", "error: is no number"},
		{"parse_number('−0.00')", "0"},
		{"parse_number('٣')", "error: is no number"},
		{"parse_number('1234567890123456')", "error: 15 digits"},
		{"parse_number('0.000000000000012345')", "1.2345e-14"},
		{"parse_number('1 234,5', ',', ' ')", "1234.5"},
		{"parse_number('5', '.', '.')", "error: must be two signs"},
		{"parse_number('5', '12', '')", "error: cannot separate"},
		{"parse_money('€ 1.234,56-', ',', '.')", "-1234.56"},
		{"parse_money('(US$ 5.00)')", "-5"},
		{"parse_money('1,234.50 kr.', '.', ',')", "1234.5"},
		{"parse_money('EUR')", "error: is no amount"},
		{"parse_money('€ 5 €')", "error: is no amount"},
		{"parse_money('5 quid')", "error: is no amount"},
		{"currency('Fr. 5.-')", `"CHF"`},
		{"currency('zł')", `"PLN"`},
		{"currency('xyz')", "error: names no currency"},
		{"currency('$', 'dollar')", "error: is no currency"},
		{"convert(1, 'gal', 'l')", "3.785411784"},
		{"convert(0, 'C', 'F')", "32"},
		{"convert(1, 'mile', 'km')", "error: is no unit"},
		{"convert(1.0/0.0, 'm', 'km')", "error: is no quantity"},
		// Contacts.
		{"email('a..b@example.com')", "error: a dot"},
		{"email('.a@example.com')", "error: a dot"},
		{"email('a b@example.com')", "error: cannot stand"},
		{"email('a@b@example.com')", "error: cannot stand"},
		{"email('a@-example.com')", "error: has the part"},
		{"email('a@example.123')", "error: is a number"},
		{"email('a@exa_mple.com')", "error: its domain has a"},
		{"email('Jörg@Müller.de')", `"jörg@müller.de"`},
		{"email('')", "error: no @"},
		{"email('@example.com')", "error: empty"},
		{"phone('0049 30 901820', 'DE')", `"+4930901820"`},
		{"phone('030 901820', 'de')", "error: is no region"},
		{"phone('', 'DE')", "error: is no phone number"},
		{"is_phone('+49 1', 'DE')", "false"},
		// Codes.
		{"country('Österreich')", `"AT"`},
		{"country('Suisse')", `"CH"`},
		{"country('日本')", `"JP"`},
		{"country('United  Kingdom')", `"GB"`},
		{"country('UK')", `"GB"`},
		{"country('XX')", "error: is no country"},
		{"country('EU')", "error: is no country"},
		{"country('001')", "error: is no country"},
		{"country('')", "error: is no country"},
		{"country('840')", `"US"`},
		{"country3('Kosovo')", `"XKK"`},
		// Text.
		{"split_part('a-b', '-', 0)", "null"},
		{"title('élan VITAL')", `"Élan Vital"`},
		{"squeeze('\\u00a0a\\u00a0b')", `"a b"`},
		{"regex_extract('a', 'a', 1)", "error: has 0 groups"},
		{"regex_extract('b', '(a)?b')", "null"},
		{"split('abc', '')", `["a", "b", "c"]`},
		// Encodings.
		{"fix_mojibake('Ã')", `"Ã"`},
		{"fix_mojibake('SÃO PAULO')", `"SÃO PAULO"`},
		{"fix_mojibake('Ð¼Ð¸Ñ€')", `"мир"`},
		{"fix_mojibake('日本 Ã¼')", `"日本 Ã¼"`},
		{"fix_mojibake('plain')", `"plain"`},
		{"fix_utf8(b'\\201')", `"\u0081"`},
		{"decode(b'a', 'ebcdic')", "error: is no charset"},
		{"mask('', 0, 0)", `""`},
		{"mask('a', -1, 0)", "error: not less than 0"},
	} {
		if got := evaluate(t, env, c.expression); !matches(got, c.want) {
			t.Errorf("%s\n gives %s\n  want %s", c.expression, got, c.want)
		}
	}
}

// TestNullGivesNull calls every function with null for each of its arguments in
// turn; but for those of null itself, the result is null.
func TestNullGivesNull(t *testing.T) {
	env := environment(t)
	for _, call := range []string{
		"lower(%s)", "upper(%s)", "title(%s)", "trim(%s)", "squeeze(%s)", "nonblank(%s)", "split(%s, ',')", "split_part(%s, ',', 1)",
		"regex_match(%s, 'a')", "regex_extract(%s, 'a')", "regex_extract(%s, 'a', 0)", "regex_extract_all(%s, 'a')", "regex_replace(%s, 'a', 'b')",
		"date(%s)", "parse_date(%s, 'YYYY-MM-DD')", "parse_date(%s, ['YYYY-MM-DD'])", "parse_time(%s, 'YYYY-MM-DD', 'UTC')", "parse_time(%s, 'YYYY-MM-DD', 'UTC', 'later')",
		"from_zone(%s, 'UTC')", "local_date(%s, 'UTC')", "format_time(%s, 'YYYY-MM-DD')", "round(%s, 2)", "parse_number(%s)", "parse_number(%s, ',', '.')", "parse_money(%s)",
		"convert(%s, 'm', 'km')", "email(%s)", "is_email(%s)", "phone(%s, 'DE')", "is_phone(%s, 'DE')", "country(%s)", "country3(%s)", "currency(%s)", "currency(%s, 'EUR')",
		"fix_utf8(%s)", "is_utf8(%s)", "fix_mojibake(%s)", "is_mojibake(%s)", "decode(%s, 'cp850')", "sha256(%s)", "sha256(%s, 'x')", "mask(%s)", "mask(%s, 1, 1)",
	} {
		expression := fmt.Sprintf(call, "null")
		if got := evaluate(t, env, expression); got != "null" {
			t.Errorf("%s gives %s", expression, got)
		}
	}
}

// TestLiteralsAreCheckedAtLoad: what is written out wrongly is found without a
// row, with its line and column.
func TestLiteralsAreCheckedAtLoad(t *testing.T) {
	for source, want := range map[string]string{
		"regex_match(c, '[')":                             "1:16 of `regex_match(c, '[')`: error parsing regexp",
		"parse_date(c, ['DD.MM.YYYY',\n 'DD.MM'])":        "2:2 of",
		"string(parse_time(c, 'YYYY-MM-DD', 'Berlin'))":   "1:36 of",
		"string(convert(double(c), 'kg', 'stone'))":       `1:33 of`,
		"phone(c, 'Germany')":                             "1:10 of",
		"lookup('segments', c)":                           "1:8 of `lookup('segments', c)`: there is no lookup \"segments\"",
		"string(parse_number(c, ',', 'abc'))":             "1:29 of",
		"currency(c, 'Euro')":                             "1:13 of",
		"string(from_zone(timestamp(c), 'Europe/Atlan'))": "1:32 of",
	} {
		_, err := Compile("customer", one("string", source))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n  got %v\n want %s", source, err, want)
		}
	}
}

// TestSecretsAreNotShown: a salt is in no error.
func TestSecretsAreNotShown(t *testing.T) {
	r := compiled(t, one("string", "sha256(c + nosuch, 'pepper')"))
	err := r.CompileAgainst(testTopic, tableOf(columnOf("c", typed(schemas.StringType))))
	if err == nil || strings.Contains(err.Error(), "pepper") || !strings.Contains(err.Error(), "***") {
		t.Errorf("got %v", err)
	}
	for _, broken := range []string{"sha256(c, 'pepper'", "sha256(c 'pepper')", "sha256(c, 'pepper", "sha256(c, 'pepp\\'er') +", `sha256(c, "pepper") + x(`, "sha256(c, nosuch('pepper'), 'pepper')"} {
		if _, err := Compile("customer", one("string", broken)); err == nil || strings.Contains(err.Error(), "pepp") {
			t.Errorf("%s: %v", broken, err)
		}
		e := one("string", "c")
		e.Checks = []Validation{{That: broken}}
		if _, err := Compile("customer", e); err == nil || strings.Contains(err.Error(), "pepp") {
			t.Errorf("validate: %s: %v", broken, err)
		}
	}
	if _, err := Compile("customer", one("string", "sha256(c, 'pe\\'pper') + 1")); err == nil || strings.Contains(err.Error(), "pper") {
		t.Errorf("got %v", err)
	}
}

// TestNullArguments: of a column that is null, a list too, the result is null.
func TestNullArguments(t *testing.T) {
	list := schemas.Type{Name: schemas.ArrayType, Elem: &schemas.Column{Type: typed(schemas.StringType), Optional: true}}
	for _, c := range []struct {
		column      schemas.Type
		value       schemas.Value
		field, rule string
	}{
		{list, schemas.Value{}, "string", "join_nonblank(c, ' ')"},
		{list, schemas.Value{}, "string", "coalesce(c)"},
		{typed(schemas.Int32Type), schemas.Value{}, "float", "round(2.5, c)"},
	} {
		it := item(schemas.Create, tableOf(columnOf("c", c.column)), c.value)
		if process(t, compiled(t, one(c.field, c.rule)), it); it.Fate != stream.Pending || !it.Out[0].Row[0].IsNull() {
			t.Errorf("%s: fate %d, %v, %v", c.rule, it.Fate, it.Err, it.Out)
		}
	}
}

// TestCountryNames: names of many languages are known, and those in use beside
// the official ones lead to their country.
func TestCountryNames(t *testing.T) {
	if n := len(regionNames()); n < 2000 {
		t.Errorf("only %d names", n)
	}
	for name, code := range otherNames {
		if r, err := region(name); err != nil || r.String() != code {
			t.Errorf("%s gives %v, %v", name, r, err)
		}
	}
}

// TestUnits: each unit is itself after a way there and back.
func TestUnits(t *testing.T) {
	for from, f := range units {
		for to, u := range units {
			if f.kind != u.kind {
				continue
			}
			there, ok := convertUnit("1.5", from, to).(types.Double)
			if !ok {
				t.Fatalf("%s to %s", from, to)
			}
			back, _ := convertUnit(fmt.Sprint(float64(there)), to, from).(types.Double)
			if math.Abs(float64(back)-1.5) > 1e-9 {
				t.Errorf("1.5 %s is %v %s is %v %s", from, there, to, back, from)
			}
		}
	}
}

// FuzzFunctions feeds texts to all that reads outside bytes: none crashes, and
// what comes out of a repair is UTF-8.
func FuzzFunctions(f *testing.F) {
	for _, seed := range []string{"", "29.02.2024 13:05", "1.234,56 €", "(5)-", "ada@example.com", "+49 30 901820", "MÃ¼ller", "\xff\xfe", "٣", "日本", "[DD]YY"} {
		f.Add(seed)
	}
	m := newMemory()
	d := dates{m}
	f.Fuzz(func(t *testing.T, s string) {
		if format, err := parseTimeFormat(s); err == nil {
			format.parse("2024-02-29")
			format.format(time.Unix(0, 0).UTC())
		}
		for _, format := range []string{"DD.MM.YYYY", "MMM D YY [x]", "YYYY-MM-DD[T]HH:mm:ss.SSSZ", "M/D/YYYY h:mm A"} {
			if w, err := d.first(types.String(format), s, nil); err == nil {
				compiled, _ := m.formats.get(format)
				if again, ok := compiled.parse(compiled.format(w.Time)); !ok || !again.Equal(w.Time) && w.Year() >= 1969 && w.Year() < 2069 {
					t.Errorf("%q by %s is %v, written and read again %v", s, format, w, again)
				}
			}
		}
		_, _ = parseNumber(s, ",", ".", false)
		if n, err := parseNumber(s, ".", "'", true); err == nil && (math.IsNaN(n) || math.IsInf(n, 0)) {
			t.Errorf("%q is %v", s, n)
		}
		_, _ = currencyOf(s, "EUR")
		_, _ = e164(s, "DE")
		_, _ = region(s)
		if emailProblem(s) == "" && !strings.Contains(s, "@") {
			t.Errorf("%q is taken for an address", s)
		}
		if fixed := fixUTF8(s); strings.ToValidUTF8(fixed, "") != fixed {
			t.Errorf("%q is repaired to %q", s, fixed)
		}
		fixed, is := fixMojibake(s)
		if is == (fixed == s) {
			t.Errorf("%q is repaired to %q: %v", s, fixed, is)
		}
		maskText(s, 2, 2)
	})
}

// FuzzLookup reads any bytes as a table.
func FuzzLookup(f *testing.F) {
	f.Add([]byte("code,name\na,b\n"), ",")
	f.Add([]byte("\xef\xbb\xbfcode;name\n\"a\nb\";c\n"), ";")
	f.Fuzz(func(t *testing.T, data []byte, separator string) {
		e := one("string", "c")
		e.Lookups = map[string]Lookup{"t": {File: "t.csv", Separator: separator}}
		if e.Validate() != nil {
			return
		}
		table, fault := e.Lookups["t"].parse("t.csv", data)
		if (table == nil) == (fault == nil) {
			t.Fatalf("table %v, fault %v", table, fault)
		}
		if table != nil && !slices.Contains(table.names(), table.names()[0]) {
			t.Fatal("no columns")
		}
	})
}
