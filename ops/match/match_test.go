package match_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/ops/match"
	"sluice/schemas"
	domain "sluice/stream/match"
)

func silent(string, int, int) {}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "people.csv")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// people are pairs of records with an error in the second, in columns of these
// names, parted by sep.
func people(sep string, columns ...string) string {
	var b strings.Builder
	fmt.Fprintln(&b, strings.Join(append([]string{"id", "who"}, columns...), sep))
	first := strings.Fields("john mary peter anna otto ida karl emma hugo lena")
	last := strings.Fields("abbott barnes clarke dawson ellis foster graham hughes irving jordan kendall lawson")
	r := rand.New(rand.NewPCG(1, 1))
	for n := range 120 {
		row := []string{first[r.IntN(10)], last[r.IntN(12)], fmt.Sprintf("19%02d-%02d-%02d", 30+r.IntN(60), 1+r.IntN(12), 1+r.IntN(27)), "town " + last[r.IntN(12)], fmt.Sprintf("p%d@example.org", n)}
		fmt.Fprintln(&b, strings.Join(append([]string{fmt.Sprint(2 * n), fmt.Sprint(n)}, row[:len(columns)]...), sep))
		row[1] = row[1][:len(row[1])-1] + "x"
		fmt.Fprintln(&b, strings.Join(append([]string{fmt.Sprint(2*n + 1), fmt.Sprint(n)}, row[:len(columns)]...), sep))
	}
	return b.String()
}

// TestFilesOfManyForms: whatever the separator, the names of the columns and their
// number, the pairs are found.
func TestFilesOfManyForms(t *testing.T) {
	for name, text := range map[string]string{
		"commas":                people(",", "first_name", "surname", "date_of_birth", "city", "email"),
		"semicolons, in German": people(";", "Vorname", "Nachname", "Geburtsdatum", "Ort", "E-Mail"),
		"tabs":                  people("\t", "given", "family", "dob", "town", "mail"),
		"a byte order mark":     "\ufeff" + people(",", "FirstName", "LastName", "BirthDate", "City", "EMAIL"),
		"without e-mail":        people("|", "first name", "last name", "born", "city"),
		"upper case":            strings.ToUpper(people(",", "first_name", "surname", "dob", "city", "email")),
	} {
		t.Run(name, func(t *testing.T) {
			f, err := match.Read(file(t, text))
			if err != nil {
				t.Fatal(err)
			}
			truth := f.Columns[1]
			fields, err := match.Columns(f, []string{f.Columns[0] + "=ignore"}, []string{truth})
			if err != nil {
				t.Fatal(err)
			}
			m, _, err := match.Model(t.Context(), f, fields, nil, "", "", silent)
			if err != nil {
				t.Fatal(err)
			}
			want, err := match.Truth(f, truth, "")
			if err != nil {
				t.Fatal(err)
			}
			r, err := match.Eval(t.Context(), f, m, want, silent)
			if err != nil {
				t.Fatal(err)
			}
			if r.At.F1 < .95 || r.BlockingRecall < .99 || len(r.Sweep) == 0 {
				t.Errorf("%+v, blocking %.3f; columns %v", r.At, r.BlockingRecall, fields)
			}
		})
	}
}

// TestErrorsNameThePlaceAndTheCure of files that cannot be matched.
func TestErrorsNameThePlaceAndTheCure(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"empty":              {"", "is empty"},
		"a column twice":     {"a,a\n1,2\n", "has no name of its own"},
		"too many fields":    {"a,b\n1,2\n1,2,3\n", "people.csv:3: has 3 fields, the header 2"},
		"a quote amiss":      {"a,b\n\"x\"y,2\n", "people.csv:2"},
		"not UTF-8":          {"a,b\nM\xfcller,2\n", "iconv -f WINDOWS-1252"},
		"only a header":      {"name,city\n", "no column can be compared"},
		"one row":            {"name,city\nAda,London\n", "has 1 rows"},
		"nothing to compare": {"a,b\n,\n,\n", "no column can be compared"},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := match.Read(file(t, c.text))
			if err == nil {
				var fields []domain.Field
				if fields, err = match.Columns(f, nil, nil); err == nil {
					_, _, err = match.Model(t.Context(), f, fields, nil, "", "", silent)
				}
			}
			var fault *schemas.Fault
			if !errors.As(err, &fault) || fault.Cure == "" || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q and a cure", err, c.want)
			}
		})
	}
	f, err := match.Read(file(t, "name,city\nAda,London\nBea,Paris\n"))
	if err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"no such truth":   second(match.Truth(f, "cluster", "")),
		"no group":        second(match.Truth(f, "name", "x")),
		"does not fit":    second(match.Truth(f, "name", "(x)")),
		"no such column":  second(match.Columns(f, []string{"dob=date"}, nil)),
		"no such kind":    second(match.Columns(f, []string{"name=person"}, nil)),
		"no declaration":  second(match.Columns(f, []string{"name"}, nil)),
		"no such weights": third(match.Model(t.Context(), f, nil, []byte("prior: x"), "w.yaml", "", silent)),
	} {
		var fault *schemas.Fault
		if !errors.As(err, &fault) || fault.Cure == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func second[T any](_ T, err error) error        { return err }
func third[A, B any](_ A, _ B, err error) error { return err }

// TestDedupeKeepsEveryRow, in its order, and adds the golden record to each.
func TestDedupeKeepsEveryRow(t *testing.T) {
	f, err := match.Read(file(t, people(",", "first_name", "surname", "date_of_birth", "city", "email")))
	if err != nil {
		t.Fatal(err)
	}
	fields, err := match.Columns(f, nil, []string{"who"})
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := match.Model(t.Context(), f, fields, nil, "", "", silent)
	if err != nil {
		t.Fatal(err)
	}
	done, err := match.Match(t.Context(), f, m, silent)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := match.Write(&out, f, done); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 241 || strings.Join(rows[0][7:], " ") != "golden_id probability verdict review_with" {
		t.Fatalf("%d rows, header %v", len(rows), rows[0])
	}
	for i, r := range rows[1:] {
		if r[0] != fmt.Sprint(i) || r[7] == "" {
			t.Errorf("row %d is %v", i, r)
		}
	}
}
