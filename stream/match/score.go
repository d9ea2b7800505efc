package match

import "math"

// way is how a comparison is made, as numbers for the hot path.
type way struct {
	kind         wayKind
	agree, exact uint8 // of the method
}

type wayKind uint8

const (
	equalWay wayKind = iota
	givenWay
	familyWay
	wordsWay
	dateWay
	postcodeWay
	cityWay
	houseWay
	identifierWay
	phoneWay
	emailWay
	numberWay
	textWay
	listWay
)

var ways = map[Kind]wayKind{
	Given: givenWay, Family: familyWay, Company: wordsWay, Street: wordsWay, Date: dateWay, Postcode: postcodeWay, City: cityWay,
	House: houseWay, Identifier: identifierWay, Phone: phoneWay, Email: emailWay, Number: numberWay, Text: textWay, List: listWay,
}

// levels packs the levels of the comparisons, four bits each.
type levels uint64

func (l levels) at(i int) uint8 { return uint8(l>>(4*i)) & 15 }

// compareAll is the level of every comparison of two records.
func (m *Model) compareAll(a, b []Value) levels {
	var out levels
	for i := range m.Comparisons {
		out |= levels(m.compare(i, a, b)) << (4 * i)
	}
	return out
}

// agrees reports whether the comparison that i stands under agrees.
func (m *Model) agrees(i int, l levels) int {
	u := m.under[i]
	if u < 0 {
		return 0
	}
	if at := l.at(u); at != missing && at <= m.ways[u].exact {
		return 1
	}
	return 0
}

// rarity is the adjustment of comparison i for the values that agree.
func (m *Model) rarity(i int, at uint8, a, b []Value) float32 {
	way := &m.ways[i]
	switch {
	case at == missing || at > way.agree:
		return 1
	case at <= way.exact:
		return a[i].Rarity
	}
	// Close, not equal: by the more common of the two, and by half.
	return float32(math.Sqrt(float64(min(a[i].Rarity, b[i].Rarity))))
}

// factor is how much likelier comparison i makes it that two records are of one
// entity; 1 where something is missing.
func (m *Model) factor(i int, l levels, a, b []Value) float32 {
	at := l.at(i)
	if at == missing {
		return 1
	}
	side := m.agrees(i, l)
	f := m.factors[i][side][at]
	if side == 1 {
		return f // the frequency is in what it stands under
	}
	return f * m.rarity(i, at, a, b)
}

// Score is the evidence that two records are of one entity, in bits: the base 2
// logarithm of the odds.
func (m *Model) Score(a, b *Record) float64 {
	l := m.compareAll(a.Values, b.Values)
	odds := 1.
	for i := range m.Comparisons {
		odds *= float64(m.factor(i, l, a.Values, b.Values))
	}
	return m.prior + math.Log2(odds)
}

// Evidence is what one comparison says in a decision.
type Evidence struct {
	// Comparison is its name; Level how far the values agree, "missing" where
	// there are none, "mixed" where the members of a golden record differ.
	Comparison string  `json:"comparison"`
	Level      string  `json:"level"`
	Bits       float64 `json:"bits"`
}

// Waterfall is how the score of two records comes about: the prior, and what
// each comparison adds.
func (m *Model) Waterfall(a, b *Record) []Evidence {
	l := m.compareAll(a.Values, b.Values)
	out := []Evidence{{"prior", "", m.prior}}
	for i := range m.Comparisons {
		e := Evidence{m.Comparisons[i].Name, m.levelName(i, l.at(i)), 0}
		if f := m.factor(i, l, a.Values, b.Values); f != 1 {
			e.Bits = math.Log2(float64(f))
		}
		out = append(out, e)
	}
	return out
}

func (m *Model) levelName(i int, at uint8) string {
	if at == missing {
		return "missing"
	}
	return m.Comparisons[i].Levels[at-1].Level
}

// Probability is what a score in bits is as a probability.
func Probability(bits float64) float64 { return 1 / (1 + math.Exp2(-bits)) }

// bitsOf is the score of a probability.
func bitsOf(p float64) float64 { return math.Log2(p / (1 - p)) }
