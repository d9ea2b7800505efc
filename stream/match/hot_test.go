package match_test

import (
	"fmt"
	"strings"
	"testing"

	"sluice/stream/match"
)

// TestHotKeys: keys that too many records have are noticed and split, and records
// that say nothing are nobody's.
func TestHotKeys(t *testing.T) {
	fields := []match.Field{
		{Column: "given", Kind: match.Given},
		{Column: "family", Kind: match.Family},
		{Column: "email", Kind: match.Email},
		{Column: "city", Kind: match.City},
		{Column: "dob", Kind: match.Date},
		{Column: "postcode", Kind: match.Postcode},
	}
	given := strings.Fields("john mary peter anna otto ida karl emma hugo lena paul rosa max ella ben mia tom ada leo zoe")
	family := strings.Fields("abbott barnes clarke dawson ellis foster graham hughes irving jordan kendall lawson marsh newton oakley porter quigley rhodes stevens turner upton vaughan walton xavier yates")
	long := strings.Repeat("x é", 1<<16)
	const n = 6000
	for name, c := range map[string]struct {
		row  func(i int) []string
		n    int
		want func(golden int, c match.Crowding) bool
	}{
		"one person, again and again": {
			func(int) []string {
				return []string{"john", "smith", "j.smith@acme.com", "london", "1970-02-03", "n1 1aa"}
			}, n, func(golden int, c match.Crowding) bool { return golden < n/2 },
		},
		"all are Smiths": {
			func(i int) []string { return []string{given[i%20], "smith", "", "", "", ""} },
			n, func(_ int, c match.Crowding) bool { return len(c.Split)+len(c.Full) > 0 },
		},
		"500 people have one address of e-mail": {
			func(i int) []string {
				return []string{given[i%20], family[i/20%25], "info@acme.com", "", "", ""}
			}, n, func(golden int, c match.Crowding) bool { return len(c.Split)+len(c.Full) > 0 && golden > 300 },
		},
		"empty": {
			func(int) []string { return make([]string, 6) }, n, func(golden int, _ match.Crowding) bool { return golden == n },
		},
		"hostile lengths": {
			func(int) []string { return []string{long, long, long, long, long, long} }, 500,
			func(golden int, _ match.Crowding) bool { return golden >= 1 },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := match.Default(fields)
			if err := m.Compile(); err != nil {
				t.Fatal(err)
			}
			index := match.NewMemory(m)
			matcher := match.New(m, index)
			for from := 0; from < c.n; from += 500 {
				var batch []*match.Record
				for i := from; i < from+500; i++ {
					row := c.row(i)
					batch = append(batch, m.Record(fmt.Sprint(i), func(column string) string {
						for k, f := range fields {
							if f.Column == column {
								return row[k]
							}
						}
						return ""
					}))
				}
				if _, err := matcher.Match(t.Context(), batch); err != nil {
					t.Fatal(err)
				}
			}
			if golden, crowd := len(index.All()), index.Crowded(); !c.want(golden, crowd) {
				t.Errorf("%d records are %d golden ones; %+v", c.n, golden, crowd)
			}
		})
	}
}
