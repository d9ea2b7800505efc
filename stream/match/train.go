package match

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
)

// Trainer learns weights from records, without labels: by expectation
// maximisation over the pairs that share a block, and over random pairs.
//
// The records are taken as a mixture of duplicates and others. Nearly all
// duplicates are among the blocked pairs, so m is their mean there, weighted by
// how likely each is one; u is the mean over random pairs, weighted by how likely
// each is none; and the prior is the sum of the likelihoods over the number of
// all pairs. Each step takes these for given and works out the likelihoods anew.
type Trainer struct {
	// Model has the comparisons and blocks; its weights are where learning
	// starts, and are held to where the records say little.
	Model *Model
	// Rounds bounds the steps; 0 is 20.
	Rounds int
	// Truth, if it is set, says of two records whether they are one entity
	// (+1), are not (-1), or nobody knows (0).
	Truth func(a, b *Record) int
	// Progress, if it is set, is told how much is done.
	Progress func(done, of int)
}

// Learned is what training found.
type Learned struct {
	Pairs, RandomPairs int
	Prior              float64
	Rounds             int
	Crowded            Crowding
}

// observed are pairs with what their values say.
type observed struct {
	levels []levels
	rarity []float32 // log2, of the whole pair
	label  []int8
	count  float64 // how many pairs of the file one of these stands for
}

const (
	mostPairs   = 3_000_000
	randomPairs = 400_000
	// belief is how many pairs the weights at the start count for.
	beliefM = 30
	beliefU = 3
	settled = 1e-4
	// fewest is the least share of duplicates that is believed: weights that
	// find nothing would be of no use to the records to come.
	fewest = .01
)

// Rows are records before they are compared.
type Rows interface {
	Len() int
	// Cell is what a column of a row holds.
	Cell(row int, column string) string
	// ID names the row.
	ID(row int) string
}

// Train replaces the model's weights, frequencies and prior. The model is
// compiled afterwards.
func (t *Trainer) Train(ctx context.Context, rows Rows) (*Learned, error) {
	m := t.Model
	if err := m.Compile(); err != nil {
		return nil, err
	}
	records := Records(m, rows)
	t.frequencies(records)
	if err := m.Compile(); err != nil {
		return nil, err
	}
	for _, r := range records {
		for i := range r.Values {
			r.Values[i].Rarity = m.Comparisons[i].Frequencies.rarity(r.Values[i].Text)
		}
	}
	out := &Learned{}
	blocked, crowd, err := t.blocked(ctx, records)
	if err != nil {
		return nil, err
	}
	random := t.random(records)
	out.Crowded, out.Pairs, out.RandomPairs = crowd, len(blocked.levels), len(random.levels)
	if len(blocked.levels) == 0 {
		out.Prior = m.Prior
		return out, nil
	}
	all := float64(len(records)) * float64(len(records)-1) / 2
	start := slices.Clone(m.Comparisons)
	for i := range start {
		start[i].Levels, start[i].Given = slices.Clone(start[i].Levels), slices.Clone(start[i].Given)
	}
	rounds := t.Rounds
	if rounds == 0 {
		rounds = 20
	}
	m.Prior = min(max(.3*float64(len(records))/all, 1e-9), .1)
	for out.Rounds = 1; out.Rounds <= rounds; out.Rounds++ {
		if err := m.Compile(); err != nil {
			return nil, err
		}
		before := m.Prior
		t.step(start, blocked, random, all)
		if t.Progress != nil {
			t.Progress(out.Rounds, rounds)
		}
		if math.Abs(m.Prior/before-1) < settled {
			break
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	m.Prior = round(m.Prior)
	out.Prior = m.Prior
	return out, m.Compile()
}

// Records makes rows comparable.
func Records(m *Model, rows Rows) []*Record {
	out := make([]*Record, rows.Len())
	for i := range out {
		out[i] = m.Record(rows.ID(i), func(c string) string { return rows.Cell(i, c) })
		out[i].Seq = uint64(i + 1)
	}
	return out
}

func (t *Trainer) frequencies(records []*Record) {
	for i := range t.Model.Comparisons {
		if methods[t.Model.Comparisons[i].Kind].agree == 0 {
			continue
		}
		values := map[string]int{}
		for _, r := range records {
			if v := &r.Values[i]; v.Text != "" {
				values[v.Text]++
			}
		}
		t.Model.Comparisons[i].Frequencies = count(values)
	}
}

// blocked are the pairs that share a key.
func (t *Trainer) blocked(ctx context.Context, records []*Record) (observed, Crowding, error) {
	index := NewMemory(t.Model)
	o := observed{count: 1}
	// Past the bound only a share of the records looks for others.
	rng := rand.New(rand.NewPCG(7, 11))
	share := 1.
	if err := index.Put(ctx, records); err != nil {
		return o, Crowding{}, err
	}
	for i := 0; i < len(records); i += 1000 {
		part := records[i:min(i+1000, len(records))]
		found, err := index.Candidates(ctx, part)
		if err != nil {
			return o, Crowding{}, err
		}
		if i == 0 {
			n := 0
			for _, f := range found {
				n += len(f)
			}
			if expect := float64(n) / float64(len(part)) * float64(len(records)) / 2; expect > mostPairs {
				share = mostPairs / expect
			}
		}
		for k, r := range part {
			for _, c := range found[k] {
				if c.Seq < r.Seq && (share == 1 || rng.Float64() < share) {
					t.observe(&o, r, c)
				}
			}
		}
	}
	o.count = 1 / share
	return o, index.Crowded(), nil
}

func (t *Trainer) observe(o *observed, a, b *Record) {
	l := t.Model.compareAll(a.Values, b.Values)
	rarity := 0.
	for i := range t.Model.Comparisons {
		if t.Model.agrees(i, l) == 0 {
			rarity += math.Log2(float64(t.Model.rarity(i, l.at(i), a.Values, b.Values)))
		}
	}
	o.levels = append(o.levels, l)
	o.rarity = append(o.rarity, float32(rarity))
	label := 0
	if t.Truth != nil {
		label = t.Truth(a, b)
	}
	o.label = append(o.label, int8(label))
}

// random are pairs taken at random, all of them if they are few.
func (t *Trainer) random(records []*Record) observed {
	n := len(records)
	o := observed{}
	if n*(n-1)/2 <= randomPairs {
		for i := range n {
			for j := range i {
				t.observe(&o, records[i], records[j])
			}
		}
		return o
	}
	rng := rand.New(rand.NewPCG(3, 5))
	for len(o.levels) < randomPairs {
		i, j := rng.IntN(n), rng.IntN(n)
		if i != j {
			t.observe(&o, records[i], records[j])
		}
	}
	return o
}

// tally adds up pairs by comparison, side and level.
type tally [mostComparisons][2][16]float64

func (m *Model) tally(o observed, duplicates bool, into *tally) (sum float64) {
	for p, l := range o.levels {
		bits := m.prior + float64(o.rarity[p])
		odds := math.Exp2(bits)
		for i := range m.Comparisons {
			odds *= float64(m.factors[i][m.agrees(i, l)][l.at(i)])
		}
		w := odds / (1 + odds)
		switch o.label[p] {
		case 1:
			w = 1
		case -1:
			w = 0
		}
		if !duplicates {
			w = 1 - w
		}
		sum += w
		for i := range m.Comparisons {
			if at := l.at(i); at != missing {
				into[i][m.agrees(i, l)][at] += w
			}
		}
	}
	return sum
}

// step is one round of expectation and maximisation.
func (t *Trainer) step(start []Comparison, blocked, random observed, all float64) {
	m := t.Model
	var matches, others, near tally
	records := 2 * all / max(1, math.Sqrt(2*all))
	duplicates := m.tally(blocked, true, &matches)
	m.tally(random, false, &others)
	m.tally(blocked, false, &near)
	m.Prior = min(max(duplicates*blocked.count, fewest*records)/all, .5)
	for i := range m.Comparisons {
		c := &m.Comparisons[i]
		if c.Under == "" {
			learn(c.Levels, start[i].Levels, &matches[i][0], &others[i][0])
			continue
		}
		learn(c.Levels, start[i].Levels, &matches[i][0], &others[i][0])
		// Random pairs seldom agree on what it stands under: of these the
		// blocked ones that are no duplicates say more.
		learn(c.Given, start[i].Given, &matches[i][1], &near[i][1])
	}
}

// learn sets the shares of the levels, held to those at the start.
func learn(to, start []Level, m, u *[16]float64) {
	var sumM, sumU float64
	for l := range to {
		sumM += m[l+1]
		sumU += u[l+1]
	}
	for l := range to {
		to[l].M = round((m[l+1] + beliefM*start[l].M) / (sumM + beliefM))
		to[l].U = round((u[l+1] + beliefU*start[l].U) / (sumU + beliefU))
	}
}

// round keeps four digits: weights are read by people.
func round(x float64) float64 {
	if x == 0 {
		return 0
	}
	scale := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(x))))
	return math.Round(x*scale) / scale
}
