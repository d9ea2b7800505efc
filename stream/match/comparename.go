package match

import (
	"slices"

	"sluice/stream/match/measure"
	"sluice/stream/match/normal"
)

// compareName tells given names and family names of two records. A lone word is
// held against both names of the other and counts for the one that it fits
// better; the other is then missing.
func (m *Model) compareName(asGiven bool, a, b []Value) uint8 {
	var (
		given, family       uint8
		givenLike, familyLk float64
	)
	g, f := m.given, m.family
	if g < 0 || f < 0 {
		if asGiven {
			given, _ = compareGiven(&a[g], &b[g])
			return given
		}
		family, _ = compareFamily(&a[f], &b[f])
		return family
	}
	lone := a[f].Lone || b[f].Lone
	if !lone {
		if asGiven {
			given, _ = compareGiven(&a[g], &b[g])
			return given
		}
		family, _ = compareFamily(&a[f], &b[f])
		if family == 5 && crossed(&a[f], &a[g], &b[f], &b[g]) {
			return 4
		}
		return family
	}
	given, givenLike = compareGiven(&a[g], &b[g])
	family, familyLk = compareFamily(&a[f], &b[f])
	asFamily := family != missing && (familyLk > givenLike || given == missing)
	switch {
	case asGiven == asFamily:
		return missing
	case asGiven:
		return given
	}
	return family
}

// compareGiven also says how alike the names are.
func compareGiven(x, y *Value) (level uint8, like float64) {
	if x.Text == "" || y.Text == "" {
		return missing, 0
	}
	if x.Text == y.Text {
		return 1, 1
	}
	if sameRoot(x.Roots, y.Roots) {
		return 2, .97
	}
	s := measure.JaroWinkler(x.Text, y.Text)
	switch {
	case s >= .9 || len(x.Text) > 3 && measure.Distance(x.Text, y.Text, 1) == 1:
		return 3, s
	case (len(x.Text) == 1 || len(y.Text) == 1) && x.Text[0] == y.Text[0]:
		return 4, .8
	}
	if len(x.Words)+len(y.Words) > 2 {
		for _, w := range x.Words {
			for _, o := range y.Words {
				if w == o && len(w) > 1 || normal.SameGiven(w, o) {
					return 5, .9
				}
			}
		}
	}
	if s >= .8 || x.Sound == y.Sound && len(x.Text) > 2 {
		return 6, s
	}
	return 7, s
}

func compareFamily(x, y *Value) (level uint8, like float64) {
	if x.Text == "" || y.Text == "" {
		return missing, 0
	}
	if x.Text == y.Text {
		return 1, 1
	}
	s := measure.JaroWinkler(x.Text, y.Text)
	switch {
	case s >= .93 || len(x.Text) > 3 && measure.Distance(x.Text, y.Text, 1) == 1:
		return 2, s
	case s >= .85 || x.Sound == y.Sound && len(x.Text) > 2:
		return 3, s
	}
	return 5, s
}

func sameRoot(a, b []uint16) bool {
	for _, x := range a {
		if slices.Contains(b, x) {
			return true
		}
	}
	return false
}

// crossed reports whether the family name of one stands among the given names
// of the other.
func crossed(af, ag, bf, bg *Value) bool {
	for _, w := range bg.Words {
		if w == af.Text {
			return true
		}
	}
	for _, w := range ag.Words {
		if w == bf.Text {
			return true
		}
	}
	return false
}
