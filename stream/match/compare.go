package match

import (
	"math"

	"sluice/stream/match/measure"
)

// missing is the level of a comparison that has nothing to compare. The levels
// of the kind follow from 1.
const missing = 0

// compare is the level at which comparison i of two records agrees.
func (m *Model) compare(i int, a, b []Value) uint8 {
	x, y := &a[i], &b[i]
	k := m.ways[i].kind
	switch {
	case k == givenWay, k == familyWay:
		return m.compareName(k == givenWay, a, b)
	case x.Text == "" || y.Text == "":
		return missing
	}
	same := x.Text == y.Text
	switch k {
	case dateWay:
		return compareDates(x.Text, y.Text)
	case postcodeWay:
		switch {
		case same:
			return 1
		case measure.Distance(x.Text, y.Text, 1) == 1:
			return 2
		case x.Area == y.Area:
			return 3
		}
		return 4
	case wordsWay:
		return compareWords(x, y, .92, true)
	case cityWay:
		return compareWords(x, y, .90, false)
	case houseWay:
		return step(same, measure.Distance(x.Text, y.Text, 1), 1)
	case identifierWay:
		return step(same, measure.Distance(x.Text, y.Text, 2), 2)
	case phoneWay:
		switch {
		case same:
			return 1
		case x.Area == y.Area:
			return 2
		case measure.Distance(x.Text, y.Text, 1) == 1:
			return 3
		}
		return 4
	case emailWay:
		switch {
		case same:
			return 1
		case measure.Distance(x.Text, y.Text, 1) == 1:
			return 2
		case x.Area == y.Area:
			return 3
		case measure.JaroWinkler(x.Area, y.Area) >= .9:
			return 4
		}
		return 5
	case numberWay:
		d := math.Abs(x.Number - y.Number)
		most := math.Max(math.Abs(x.Number), math.Abs(y.Number))
		switch {
		case same:
			return 1
		case d <= most/100:
			return 2
		case d <= most/10:
			return 3
		}
		return 4
	case textWay:
		s := measure.Jaccard(x.Grams, y.Grams)
		switch {
		case same:
			return 1
		case s >= .7:
			return 2
		case s >= .4:
			return 3
		}
		return 4
	case listWay:
		n := shared(x.Words, y.Words)
		switch {
		case same:
			return 1
		case n >= 2:
			return 2
		case n == 1:
			return 3
		}
		return 4
	}
	return step(same, 1, 0)
}

// step is level 1 for equal values, then one a distance up to most.
func step(same bool, distance, most int) uint8 {
	switch {
	case same:
		return 1
	case distance <= most:
		return uint8(1 + distance)
	}
	return uint8(most + 2)
}

// compareWords tells texts of several words, whose order may differ.
func compareWords(x, y *Value, near float64, alike bool) uint8 {
	if x.Text == y.Text {
		return 1
	}
	s := measure.JaroWinkler(x.Text, y.Text)
	if s >= near {
		return 2
	}
	for _, w := range x.Words {
		for _, o := range y.Words {
			if w == o && len(w) > 2 {
				return 3
			}
		}
	}
	if alike {
		if s >= .82 {
			return 4
		}
		return 5
	}
	return 4
}

// january is the day that is written where only the year is known.
const january = "0101"

// compareDates tells days apart by their eight digits.
func compareDates(a, b string) uint8 {
	year := a[:4] == b[:4]
	switch {
	case a == b && a[4:] == january:
		return 2
	case a == b:
		return 1
	}
	d := measure.Distance(a, b, 2)
	switch {
	case year && a[4:6] == b[6:] && a[6:] == b[4:6]:
		return 4
	case d == 1:
		return 3
	case year && (a[4:] == january || b[4:] == january):
		return 5
	case d == 2:
		return 6
	case year:
		return 7
	}
	return 8
}
