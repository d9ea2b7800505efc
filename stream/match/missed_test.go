package match_test

import (
	"fmt"
	"testing"

	"sluice/stream/match"
)

func TestMissed(t *testing.T) {
	p := read(t, "cluster", `(.*)`, "historical_dev.csv.gz")
	m := match.Default(p.fields("cluster"))
	m.Compile()
	records := match.Records(m, p)
	index := match.NewMemory(m)
	index.Put(t.Context(), records)
	found, _ := index.Candidates(t.Context(), records)
	pairs := 0
	by := map[string][]int{}
	for i := range records {
		by[p.truth[i]] = append(by[p.truth[i]], i)
		pairs += len(found[i])
	}
	n := 0
	pat := map[string]int{}
	for i := range records {
		has := map[uint64]bool{}
		for _, c := range found[i] {
			has[c.Seq] = true
		}
		for _, j := range by[p.truth[i]] {
			if j < i && !has[uint64(j+1)] {
				n++
				s := ""
				for k, e := range m.Waterfall(records[i], records[j])[1:] {
					if e.Level == "exact" || e.Level == "first of January" || e.Level == "nickname" || e.Level == "close" || e.Level == "one error" {
						s += m.Comparisons[k].Name + "=" + e.Level[:2] + " "
					}
				}
				pat[s]++
				if n%800 == 0 {
					fmt.Println(p.rows[i][2:])
					fmt.Println(p.rows[j][2:])
					fmt.Println(s)
					fmt.Println()
				}
			}
		}
	}
	fmt.Println(n, "pairs", pairs/2, index.Crowded())
	for s, c := range pat {
		if c > 200 {
			fmt.Println(c, s)
		}
	}
}
