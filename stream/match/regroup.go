package match

import (
	"math"
	"slices"
)

// grouping is the memory of grouping anew, kept between decisions.
type grouping struct {
	sum   []float32 // of factors, pair by pair and comparison
	count []float32
	score []float64
}

// regroup groups a record and the golden records that it may belong to anew,
// from single records, so that the outcome hangs on what they say and not on who
// came first. More records than the bound stay as they are, and the record joins
// the best.
func (m *Matcher) regroup(w *work, g *Golden, near []rival) {
	records := slices.Clone(g.Members)
	goldens := []*Golden{g}
	for _, v := range near {
		if len(records)+len(v.golden.Members) > mostRegroup {
			if len(goldens) == 1 && v.score >= m.match {
				r := g.Members[0]
				w.leave(r)
				w.join(v.golden, r)
				return
			}
			break
		}
		records = append(records, v.golden.Members...)
		goldens = append(goldens, v.golden)
	}
	slices.SortFunc(records, func(a, b *Record) int { return compareIDs(a.ID, b.ID) })
	parts := m.agglomerate(records)
	for _, old := range goldens {
		delete(w.goldens, old.ID)
		w.changed[old.ID] = &Golden{ID: old.ID}
	}
	for _, part := range parts {
		members := make([]*Record, len(part))
		for i, at := range part {
			members[i] = records[at]
		}
		slices.SortFunc(members, bySeq)
		w.put(&Golden{ID: goldenID(members[0]), Members: members})
	}
}

func compareIDs(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// agglomerate joins the two groups that have the best evidence for each other,
// until none has enough. The evidence of two groups is of each comparison the
// mean over all pairs that have the value, so it is kept by adding up.
func (m *Matcher) agglomerate(records []*Record) [][]int {
	n, f := len(records), len(m.model.Comparisons)
	g := &m.group
	g.sum = zeroed(g.sum, n*n*f)
	g.count = zeroed(g.count, n*n*f)
	if cap(g.score) < n*n {
		g.score = make([]float64, n*n)
	}
	g.score = g.score[:n*n]
	groups := make([][]int, n)
	for i := range n {
		groups[i] = []int{i}
		for j := range i {
			a, b := records[i].Values, records[j].Values
			l := m.model.compareAll(a, b)
			at := (i*n + j) * f
			for c := range f {
				if l.at(c) != missing {
					g.sum[at+c] = m.model.factor(c, l, a, b)
					g.count[at+c] = 1
				}
			}
			g.score[i*n+j] = m.evidence(g, at, f)
		}
	}
	for {
		best, x, y := m.match, -1, -1
		for i := range n {
			if groups[i] == nil {
				continue
			}
			for j := range i {
				if groups[j] != nil && g.score[i*n+j] >= best && (x < 0 || g.score[i*n+j] > best) {
					best, x, y = g.score[i*n+j], i, j
				}
			}
		}
		if x < 0 {
			break
		}
		groups[y] = append(groups[y], groups[x]...)
		groups[x] = nil
		for k := range n {
			if groups[k] == nil || k == y {
				continue
			}
			to, from := cell(y, k, n), cell(x, k, n)
			for c := range f {
				g.sum[to*f+c] += g.sum[from*f+c]
				g.count[to*f+c] += g.count[from*f+c]
			}
			g.score[to] = m.evidence(g, to*f, f)
		}
	}
	return slices.DeleteFunc(groups, func(p []int) bool { return p == nil })
}

func (m *Matcher) evidence(g *grouping, at, f int) float64 {
	product, bits := 1., m.model.prior
	for c := range f {
		if n := g.count[at+c]; n > 0 {
			product *= float64(g.sum[at+c] / n)
		}
	}
	return bits + math.Log2(product)
}

// cell is where the pair is kept: the greater number first.
func cell(a, b, n int) int {
	if a < b {
		a, b = b, a
	}
	return a*n + b
}

func zeroed(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	s = s[:n]
	clear(s)
	return s
}
