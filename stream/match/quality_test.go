package match_test

import (
	"hash/fnv"
	"testing"

	"sluice/stream/match"
)

// half picks the records of a half of the clusters, by a hash that has nothing to do
// with what is in them.
func half(n int, found, truth []string) (f, t []string) {
	for i := range found {
		h := fnv.New32()
		_, _ = h.Write([]byte("half of " + truth[i]))
		if int(h.Sum32()>>7)%2 == n {
			f, t = append(f, found[i]), append(t, truth[i])
		}
	}
	return f, t
}

// TestFebrl: weights that were learned without the truth find the duplicates of the
// files that any sound method finds.
func TestFebrl(t *testing.T) {
	for name, files := range map[string][]string{
		"1": {"febrl1.csv"}, "3": {"febrl3.csv"}, "4": {"febrl4a.csv", "febrl4b.csv"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := read(t, "rec_id", `rec-(\d+)-`, files...)
			m := trained(t, p, "rec_id")
			for seed := range uint64(2) {
				q := p.shuffled(seed)
				found := match.Compare(q.groups(q.dedupe(t, m)), q.truth)
				if found.F1 < .995 {
					t.Errorf("order %d: %+v, want an F1 of .995", seed, found)
				}
			}
		})
	}
}

// TestHistorical: of people with many errors, on either half of the clusters, and
// in any order of the records.
func TestHistorical(t *testing.T) {
	p := read(t, "cluster", `(.*)`, "historical_dev.csv.gz")
	m := trained(t, p, "cluster")
	if r := reach(t, p, m); r < .95 {
		t.Errorf("%.4f of the true pairs share a block, want .95", r)
	}
	first := p.dedupe(t, m)
	for n := range 2 {
		found := match.Compare(half(n, p.groups(first), p.truth))
		if found.Precision < .97 || found.F1 < .88 {
			t.Errorf("half %d: %+v, want a precision of .97 and an F1 of .88", n, found)
		}
		t.Logf("half %d: %+v", n, found)
	}
	q := p.shuffled(1)
	if agree := match.Compare(q.groups(q.dedupe(t, m)), q.groups(first)); agree.F1 < .98 {
		t.Errorf("another order of the records: %+v of the first, want an F1 of .98", agree)
	}
}

// TestTheSameAgain: what was decided once is decided again, to the golden id.
func TestTheSameAgain(t *testing.T) {
	p := read(t, "rec_id", `rec-(\d+)-`, "febrl1.csv")
	m, again := trained(t, p, "rec_id"), trained(t, p, "rec_id")
	a, b := p.dedupe(t, m), p.dedupe(t, again)
	for id, golden := range a {
		if b[id] != golden {
			t.Fatalf("%s is of %s, and then of %s", id, golden, b[id])
		}
	}
}

// TestWeightsAreAFile: a model that was written and read decides the same, and one
// that was broken says where.
func TestWeightsAreAFile(t *testing.T) {
	p := read(t, "rec_id", `rec-(\d+)-`, "febrl1.csv")
	m := trained(t, p, "rec_id")
	text, err := m.YAML()
	if err != nil {
		t.Fatal(err)
	}
	back, err := match.Parse("weights.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	a, b := p.groups(p.dedupe(t, m)), p.groups(p.dedupe(t, back))
	if agree := match.Compare(a, b); agree.F1 != 1 {
		t.Errorf("the model that was read agrees with the one that was written by %+v", agree)
	}
	if _, err := match.Parse("weights.yaml", append(text, "unknown: 1\n"...)); err == nil {
		t.Error("an unknown key is taken")
	}
	back.Match = 1.5
	if err := back.Compile(); err == nil {
		t.Error("a threshold of 1.5 is taken")
	}
}

func TestCompareCountsPairs(t *testing.T) {
	for _, c := range []struct {
		found, truth          []string
		precision, recall, f1 float64
	}{
		{[]string{"a", "a", "b"}, []string{"x", "x", "y"}, 1, 1, 1},
		{[]string{"a", "a", "a"}, []string{"x", "x", "y"}, 1. / 3, 1, .5},
		{[]string{"a", "b", "c"}, []string{"x", "x", "y"}, 0, 0, 0},
		{[]string{"a", "a", "a"}, []string{"x", "x", ""}, 1, 1, 1},
	} {
		if q := match.Compare(c.found, c.truth); q.Precision != c.precision || q.Recall != c.recall || q.F1 != c.f1 {
			t.Errorf("%v of %v: %+v", c.found, c.truth, q)
		}
	}
	if q := match.CompareAcross([]string{"a", "a", "b", "b"}, []string{"x", "x", "x", "x"}, []int{0, 0, 1, 1}); q.Pairs != 0 || q.True != 4 {
		t.Errorf("across two files: %+v", q)
	}
}
