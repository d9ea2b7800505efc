package match_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"sluice/stream/match"
)

func TestHotX(t *testing.T) {
	fields := []match.Field{{Column: "given", Kind: match.Given}, {Column: "family", Kind: match.Family}, {Column: "email", Kind: match.Email}, {Column: "city", Kind: match.City}, {Column: "dob", Kind: match.Date}, {Column: "postcode", Kind: match.Postcode}}
	rng := rand.New(rand.NewPCG(1, 2))
	given := strings.Fields("john mary peter anna otto ida karl emma hugo lena paul rosa max ella ben mia tom ada leo zoe")
	long := strings.Repeat("x é", 1<<16)
	for name, row := range map[string]func(i int) []string{
		"identical": func(int) []string {
			return []string{"john", "smith", "info@acme.com", "london", "1970-02-03", "n1 1aa"}
		},
		"smiths": func(i int) []string { return []string{given[rng.IntN(20)], "smith", "", "", "", ""} },
		"info": func(i int) []string {
			return []string{given[rng.IntN(20)] + fmt.Sprint(i), "smith" + fmt.Sprint(i%1000), "info@acme.com", "", "", ""}
		},
		"smiths with dates": func(i int) []string {
			return []string{given[rng.IntN(20)], "smith", "", "london", fmt.Sprintf("19%02d-01-01", rng.IntN(30)), ""}
		},
		"noisy": func(i int) []string {
			return []string{given[rng.IntN(20)], "smith" + string(rune('a'+rng.IntN(26))), "info@acme.com", "london", fmt.Sprintf("19%02d-%02d-01", rng.IntN(30), rng.IntN(12)), "n1 1aa"}
		},
		"empty":   func(int) []string { return []string{"", "", "", "", "", ""} },
		"one":     func(i int) []string { return []string{"", "smith", "", "", "", ""} },
		"hostile": func(i int) []string { return []string{long, long, long, long, long, long} },
	} {
		n := 20000
		if name == "hostile" {
			n = 2000
		}
		m := match.Default(fields)
		if err := m.Compile(); err != nil {
			t.Fatal(err)
		}
		x := match.NewMemory(m)
		mm := match.New(m, x)
		var times []string
		for part := range 4 {
			began := time.Now()
			for from := part * n / 4; from < (part+1)*n/4; from += 500 {
				var recs []*match.Record
				for i := from; i < from+500; i++ {
					r := row(i)
					recs = append(recs, m.Record(fmt.Sprint(i), func(c string) string {
						for k, f := range fields {
							if f.Column == c {
								return r[k]
							}
						}
						return ""
					}))
				}
				if _, err := mm.Match(context.Background(), recs); err != nil {
					t.Fatal(err)
				}
			}
			times = append(times, fmt.Sprintf("%.0f/s", float64(n/4)/time.Since(began).Seconds()))
		}
		fmt.Println(name, times, len(x.All()), x.Crowded())
	}
}
