package match_test

import (
	"compress/gzip"
	"context"
	"encoding/csv"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sluice/stream/match"
)

// people is a file of testdata.
type people struct {
	columns map[string]int
	names   []string
	rows    [][]string
	ids     []string
	truth   []string
}

func (p *people) Len() int                    { return len(p.rows) }
func (p *people) Cell(r int, c string) string { return p.rows[r][p.columns[c]] }
func (p *people) ID(r int) string             { return p.ids[r] }

// read takes a file; the truth is what pattern captures in a column of it.
func read(t testing.TB, truth, pattern string, files ...string) *people {
	t.Helper()
	p := &people{columns: map[string]int{}}
	like := regexp.MustCompile(pattern)
	for _, name := range files {
		f, err := os.Open(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		var in io.Reader = f
		if strings.HasSuffix(name, ".gz") {
			if in, err = gzip.NewReader(f); err != nil {
				t.Fatal(err)
			}
		}
		r := csv.NewReader(in)
		r.TrimLeadingSpace = true
		rows, err := r.ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		p.names = rows[0]
		for i, c := range rows[0] {
			p.columns[c] = i
		}
		for _, row := range rows[1:] {
			p.rows = append(p.rows, row)
			p.ids = append(p.ids, name+"/"+row[0])
			p.truth = append(p.truth, like.FindStringSubmatch(row[p.columns[truth]])[1])
		}
	}
	return p
}

// fields guesses the kinds of all columns but the truth.
func (p *people) fields(truth string) []match.Field {
	out := match.Guess(p.names, p)
	for i := range out {
		if out[i].Column == truth {
			out[i].Kind = match.Ignore
		}
	}
	return out
}

// shuffled is the same people in another order.
func (p *people) shuffled(seed uint64) *people {
	q := *p
	q.rows, q.ids, q.truth = nil, nil, nil
	for _, i := range rand.New(rand.NewPCG(seed, 1)).Perm(len(p.rows)) {
		q.rows, q.ids, q.truth = append(q.rows, p.rows[i]), append(q.ids, p.ids[i]), append(q.truth, p.truth[i])
	}
	return &q
}

// dedupe matches all of them in batches and gives the golden id of each record.
func (p *people) dedupe(t testing.TB, m *match.Model) map[string]string {
	t.Helper()
	index := match.NewMemory(m)
	matcher := match.New(m, index)
	records := match.Records(m, p)
	for i := 0; i < len(records); i += 500 {
		if _, err := matcher.Match(context.Background(), records[i:min(i+500, len(records))]); err != nil {
			t.Fatal(err)
		}
	}
	out := map[string]string{}
	for _, r := range records {
		out[r.ID] = r.Golden.String()
	}
	return out
}

// groups puts golden ids in the order of the rows.
func (p *people) groups(golden map[string]string) []string {
	out := make([]string, len(p.ids))
	for i, id := range p.ids {
		out[i] = golden[id]
	}
	return out
}

func trained(t testing.TB, p *people, truth string) *match.Model {
	t.Helper()
	m := match.Default(p.fields(truth))
	if _, err := (&match.Trainer{Model: m}).Train(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	return m
}

// reach is the share of true pairs that share a block.
func reach(t testing.TB, p *people, m *match.Model) float64 {
	t.Helper()
	index := match.NewMemory(m)
	records := match.Records(m, p)
	truth := map[string]string{}
	all := map[string]int{}
	for i, r := range records {
		truth[r.ID] = p.truth[i]
		all[p.truth[i]]++
	}
	if err := index.Put(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	found, err := index.Candidates(t.Context(), records)
	if err != nil {
		t.Fatal(err)
	}
	hit, want := 0, 0
	seen := map[[2]uint64]bool{}
	for i, r := range records {
		for _, c := range found[i] {
			pair := [2]uint64{min(r.Seq, c.Seq), max(r.Seq, c.Seq)}
			if truth[r.ID] == truth[c.ID] && !seen[pair] {
				seen[pair] = true
				hit++
			}
		}
	}
	for _, n := range all {
		want += n * (n - 1) / 2
	}
	return float64(hit) / float64(want)
}
