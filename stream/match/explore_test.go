package match_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"os"
	"testing"
	"time"

	"sluice/stream/match"
)

func TestExplore(t *testing.T) {
	for _, c := range []struct {
		truth, pattern string
		files          []string
	}{
		{"rec_id", `rec-(\d+)-`, []string{"febrl1.csv"}},
		{"rec_id", `rec-(\d+)-`, []string{"febrl3.csv"}},
		{"rec_id", `rec-(\d+)-`, []string{"febrl4a.csv", "febrl4b.csv"}},
		{"cluster", `(.*)`, []string{"historical_dev.csv.gz"}},
	} {
		p := read(t, c.truth, c.pattern, c.files...)
		fields := p.fields(c.truth)
		if os.Getenv("V") != "" {
			for _, f := range fields {
				fmt.Println(f.Column, f.Kind, f.Why)
			}
		}
		m := match.Default(fields)
		began := time.Now()
		l, err := (&match.Trainer{Model: m}).Train(context.Background(), p)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Printf("%v %d rows; trained in %v: %+v\n", c.files, p.Len(), time.Since(began), *l)
		if os.Getenv("V") != "" {
			for _, c := range m.Comparisons {
				fmt.Print(c.Name, ": ")
				for _, l := range c.Levels {
					fmt.Printf("%s %.3g/%.3g=%.1f  ", l.Level, l.M, l.U, l.Bits())
				}
				if c.Under != "" {
					fmt.Print("\n    under ", c.Under, ": ")
					for _, l := range c.Given {
						fmt.Printf("%s %.3g/%.3g=%.1f  ", l.Level, l.M, l.U, l.Bits())
					}
				}
				fmt.Println()
			}
		}
		fmt.Printf("  reach %.4f\n", reach(t, p, m))
		var first []string
		for seed := range 3 {
			q := p
			if seed > 0 {
				q = p.shuffled(uint64(seed))
			}
			began = time.Now()
			g := q.dedupe(t, m)
			took := time.Since(began)
			found := p.groups(g)
			fmt.Printf("  %v %.0f/s  %+v", took, float64(p.Len())/took.Seconds(), match.Compare(found, p.truth))
			if seed == 0 {
				first = found
				for half := range 2 {
					var a, b []string
					for i := range found {
						h := fnv.New32()
						h.Write([]byte("x" + p.truth[i] + "y"))
						if int(h.Sum32()>>7)%2 == half {
							a, b = append(a, found[i]), append(b, p.truth[i])
						}
					}
					fmt.Printf("\n     half %d %+v", half, match.Compare(a, b))
				}
			} else {
				fmt.Printf("  against first %.4f", match.Compare(found, first).F1)
			}
			fmt.Println()
		}
	}
}
