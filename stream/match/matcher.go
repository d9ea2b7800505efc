package match

import (
	"cmp"
	"context"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"
)

// Matcher decides to which golden record each record belongs. It is not safe for
// concurrent use; several may share an index elsewhere.
type Matcher struct {
	model *Model
	index Index
	match float64 // the thresholds, in bits
	ask   float64
	group grouping
}

// New makes a matcher of a compiled model.
func New(m *Model, index Index) *Matcher {
	return &Matcher{model: m, index: index, match: bitsOf(m.Match), ask: bitsOf(m.Review)}
}

// Verdict is what became of a record.
type Verdict string

// The verdicts. A doubtful record is new until somebody decides.
const (
	Matched  Verdict = "match"
	Doubtful Verdict = "review"
	NewOne   Verdict = "new"
)

// Decision is what was decided of a record of a batch.
type Decision struct {
	Record  *Record
	Verdict Verdict
	// Golden is the golden record that it belongs to now.
	Golden uuid.UUID
	// Other is the nearest golden record that it could have joined, or did.
	Other uuid.UUID
	// Probability that it belongs to Other.
	Probability float64
	// Waterfall says why.
	Waterfall []Evidence
}

// Redirect says that a golden record went up in another.
type Redirect struct{ From, To uuid.UUID }

// limits of one decision: what a record is held against.
const (
	mostGoldens = 8  // golden records, the likeliest
	mostMembers = 40 // members of each
	mostRegroup = 64 // records that are grouped anew at once
	contest     = 6  // bits below the threshold at which a golden record has a say
)

// work is what a batch has touched.
type work struct {
	goldens map[uuid.UUID]*Golden
	changed map[uuid.UUID]*Golden
}

// Match decides over the records of a batch, in their order, and writes the
// outcome to the index.
func (m *Matcher) Match(ctx context.Context, batch []*Record) ([]Decision, error) {
	if err := m.index.Put(ctx, batch); err != nil {
		return nil, err
	}
	candidates, err := m.index.Candidates(ctx, batch)
	if err != nil {
		return nil, err
	}
	w := &work{map[uuid.UUID]*Golden{}, map[uuid.UUID]*Golden{}}
	var ids []uuid.UUID
	need := func(r *Record) {
		if r.Golden == (uuid.UUID{}) {
			return
		}
		if _, ok := w.goldens[r.Golden]; !ok {
			w.goldens[r.Golden] = nil
			ids = append(ids, r.Golden)
		}
	}
	scores := m.scores(batch, candidates)
	least := float32(m.match - 2*contest)
	for i, r := range batch {
		need(r)
		far := 0
		for k, c := range candidates[i] {
			if scores[i][k] < least {
				continue
			}
			need(c)
			candidates[i][far], scores[i][far] = c, scores[i][k]
			far++
		}
		candidates[i], scores[i] = candidates[i][:far], scores[i][:far]
	}
	goldens, err := m.index.Goldens(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, g := range goldens {
		w.goldens[g.ID] = g
	}
	out := make([]Decision, len(batch))
	for i, r := range batch {
		out[i] = m.decide(w, r, candidates[i], scores[i])
	}
	for i := range out {
		out[i].Golden = out[i].Record.Golden
	}
	changed := make([]*Golden, 0, len(w.changed))
	for _, g := range w.changed {
		changed = append(changed, g)
	}
	return out, m.index.Save(ctx, changed)
}

// scores holds each record of a batch against its candidates, on all processors:
// these scores hang on the two records alone.
func (m *Matcher) scores(batch []*Record, candidates [][]*Record) [][]float32 {
	out := make([][]float32, len(batch))
	var (
		next atomic.Int64
		done sync.WaitGroup
	)
	for range min(runtime.GOMAXPROCS(0), len(batch)) {
		done.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(batch) {
					return
				}
				out[i] = make([]float32, len(candidates[i]))
				for k, c := range candidates[i] {
					out[i][k] = float32(m.model.Score(batch[i], c))
				}
			}
		})
	}
	done.Wait()
	return out
}

// rival is a golden record that a record may belong to.
type rival struct {
	golden *Golden
	best   float64 // of its members that share a key
	score  float64 // against it as a whole
}

// decide finds the place of one record.
func (m *Matcher) decide(w *work, r *Record, candidates []*Record, scores []float32) Decision {
	if r.Golden != (uuid.UUID{}) {
		w.leave(r)
	}
	rivals := m.rivals(w, candidates, scores)
	d := Decision{Record: r, Verdict: NewOne}
	g := &Golden{ID: goldenID(r), Members: []*Record{r}}
	for i := range rivals {
		rivals[i].score = m.against(r, rivals[i].golden, nil)
	}
	slices.SortFunc(rivals, func(a, b rival) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.golden.Members[0].Seq, b.golden.Members[0].Seq))
	})
	if len(rivals) == 0 {
		w.put(g)
		return d
	}
	top := rivals[0]
	d.Other, d.Probability = top.golden.ID, Probability(top.score)
	d.Waterfall = []Evidence{{"prior", "", m.model.prior}}
	m.against(r, top.golden, &d.Waterfall)
	near := rivals
	for len(near) > 0 && near[len(near)-1].score < m.match-contest {
		near = near[:len(near)-1]
	}
	switch {
	case len(near) == 0:
		w.put(g)
	case len(near) == 1 && top.score >= m.match:
		w.join(top.golden, r)
	case len(near) == 1 && len(top.golden.Members) == 1:
		w.put(g)
	default:
		w.put(g)
		m.regroup(w, g, near)
	}
	switch {
	case r.Golden == top.golden.ID || top.score >= m.match:
		d.Verdict = Matched
	case top.score >= m.ask:
		d.Verdict = Doubtful
	}
	return d
}

// rivals are the golden records of the candidates, the likeliest few.
func (m *Matcher) rivals(w *work, candidates []*Record, scores []float32) []rival {
	var out []rival
	for k, c := range candidates {
		if c.Golden == (uuid.UUID{}) {
			continue // of this batch, and later: it will look for this one
		}
		g := w.goldens[c.Golden]
		if g == nil {
			continue
		}
		score := float64(scores[k])
		i := slices.IndexFunc(out, func(v rival) bool { return v.golden == g })
		if i < 0 {
			i = len(out)
			out = append(out, rival{golden: g, best: math.Inf(-1)})
		}
		out[i].best = max(out[i].best, score)
	}
	slices.SortFunc(out, func(a, b rival) int {
		return cmp.Or(cmp.Compare(b.best, a.best), cmp.Compare(a.golden.Members[0].Seq, b.golden.Members[0].Seq))
	})
	return out[:min(len(out), mostGoldens)]
}

// against is the evidence that a record belongs to a golden record as a whole.
// Of each comparison it is the mean over the members that have the value: any of
// them may have it right. Nothing is counted twice, however many members say it.
func (m *Matcher) against(r *Record, g *Golden, falls *[]Evidence) float64 {
	var (
		sum [mostComparisons]float64
		n   [mostComparisons]int
		at  [mostComparisons]uint8
	)
	const mixed = 15
	mod := m.model
	for _, o := range g.Members[:min(len(g.Members), mostMembers)] {
		l := mod.compareAll(r.Values, o.Values)
		for i := range mod.Comparisons {
			v := l.at(i)
			if v == missing {
				continue
			}
			if n[i] == 0 {
				at[i] = v
			} else if at[i] != v {
				at[i] = mixed
			}
			n[i]++
			sum[i] += float64(mod.factor(i, l, r.Values, o.Values))
		}
	}
	bits := mod.prior
	for i := range mod.Comparisons {
		b := 0.
		if n[i] > 0 {
			b = math.Log2(sum[i] / float64(n[i]))
		}
		bits += b
		if falls != nil {
			name := "mixed"
			if at[i] != mixed {
				name = mod.levelName(i, at[i])
			}
			*falls = append(*falls, Evidence{mod.Comparisons[i].Name, name, b})
		}
	}
	return bits
}

// Belief is the probability that a record belongs to the rest of its golden
// record, as the index in this process has it; 1 for a record alone.
func (m *Matcher) Belief(r *Record) float64 {
	goldens, err := m.index.Goldens(context.Background(), []uuid.UUID{r.Golden})
	if err != nil || len(goldens[0].Members) < 2 {
		return 1
	}
	rest := slices.DeleteFunc(slices.Clone(goldens[0].Members), func(o *Record) bool { return o == r })
	return Probability(m.against(r, &Golden{Members: rest}, nil))
}

// put registers a golden record with its members.
func (w *work) put(g *Golden) {
	w.goldens[g.ID], w.changed[g.ID] = g, g
	for _, r := range g.Members {
		r.Golden = g.ID
	}
}

// join adds a record to a golden record. An older record gives it its id.
func (w *work) join(g *Golden, r *Record) {
	i, _ := slices.BinarySearchFunc(g.Members, r, bySeq)
	g.Members = slices.Insert(g.Members, i, r)
	if i > 0 {
		r.Golden = g.ID
		w.changed[g.ID] = g
		return
	}
	w.rename(g)
}

// leave takes a record out of its golden record.
func (w *work) leave(r *Record) {
	g := w.goldens[r.Golden]
	r.Golden = uuid.UUID{}
	if g == nil {
		return
	}
	g.Members = slices.DeleteFunc(g.Members, func(o *Record) bool { return o == r })
	w.rename(g)
}

// rename gives a golden record the id of its first member.
func (w *work) rename(g *Golden) {
	id := g.ID
	if len(g.Members) > 0 {
		id = goldenID(g.Members[0])
	}
	if id == g.ID && len(g.Members) > 0 {
		w.put(g)
		return
	}
	gone := &Golden{ID: g.ID}
	delete(w.goldens, g.ID)
	w.changed[g.ID] = gone
	if len(g.Members) > 0 {
		g.ID = id
		w.put(g)
	}
}

func bySeq(a, b *Record) int { return cmp.Compare(a.Seq, b.Seq) }
