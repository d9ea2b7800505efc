package measure_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"sluice/stream/match/measure"
)

// TestJaroWinkler compares with the table of W. E. Winkler, "Overview of record
// linkage and current research directions" (US Bureau of the Census, 2006), and
// with the examples that are told everywhere (DIXON and DICKSONX, MARTHA and
// MARHTA). Of the table, pairs for which the bureau's own program adds a rule for
// similar letters are left out.
func TestJaroWinkler(t *testing.T) {
	for _, c := range []struct {
		a, b          string
		jaro, winkler float64
	}{
		{"SHACKLEFORD", "SHACKELFORD", .970, .982},
		{"DUNNINGHAM", "CUNNIGHAM", .896, .896},
		{"NICHLESON", "NICHULSON", .926, .956},
		{"JONES", "JOHNSON", .790, .832},
		{"MASSEY", "MASSIE", .889, .933},
		{"ABROMS", "ABRAMS", .889, .922},
		{"JERALDINE", "GERALDINE", .926, .926},
		{"MARHTA", "MARTHA", .944, .961},
		{"MICHELLE", "MICHAEL", .869, .921},
		{"JULIES", "JULIUS", .889, .933},
		{"TANYA", "TONYA", .867, .880},
		{"DWAYNE", "DUANE", .822, .840},
		{"SEAN", "SUSAN", .783, .805},
		{"JON", "JOHN", .917, .933},
		{"DIXON", "DICKSONX", .767, .813},
		{"CRATE", "TRACE", .733, .733},
		{"", "A", 0, 0},
		{"", "", 1, 1},
		{"müller", "muller", .889, .900},
	} {
		if got := measure.Jaro(c.a, c.b); math.Abs(got-c.jaro) > .0006 {
			t.Errorf("Jaro(%s, %s) = %.3f, want %.3f", c.a, c.b, got, c.jaro)
		}
		if got := measure.JaroWinkler(c.a, c.b); math.Abs(got-c.winkler) > .0006 {
			t.Errorf("JaroWinkler(%s, %s) = %.3f, want %.3f", c.a, c.b, got, c.winkler)
		}
	}
}

// TestDistance has the examples of Wikipedia's "Damerau–Levenshtein distance"
// (CA and ABC tell the restricted form, 3, from the other, 2) and of
// Levenshtein's.
func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"CA", "ABC", 3},
		{"kitten", "sitting", 3},
		{"saturday", "sunday", 3},
		{"1856-03-28", "1856-30-28", 1},
		{"abcdef", "abcdef", 0},
		{"", "abc", 3},
		{"garvey", "avery", 3},
		{"weiß", "weiss", 2},
	} {
		if got := measure.Distance(c.a, c.b, 9); got != c.want {
			t.Errorf("Distance(%s, %s) = %d, want %d", c.a, c.b, got, c.want)
		}
		if got := measure.Distance(c.a, c.b, 1); got != min(c.want, 2) {
			t.Errorf("Distance(%s, %s) up to 1 = %d", c.a, c.b, got)
		}
	}
}

// TestDistanceIsSymmetric checks the measure on random texts, in which swaps and
// repetitions are likely.
func TestDistanceIsSymmetric(t *testing.T) {
	text := rapid.StringOfN(rapid.RuneFrom([]rune("abé")), 0, 70, -1)
	rapid.Check(t, func(t *rapid.T) {
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		if x, y := measure.Distance(a, b, 80), measure.Distance(b, a, 80); x != y {
			t.Fatalf("%d and %d", x, y)
		}
		if x, y := measure.Jaro(a, b), measure.Jaro(b, a); x < 0 || x > 1 || math.Abs(x-y) > .2 {
			t.Fatalf("Jaro %f and %f", x, y)
		}
	})
}

// TestSoundex has the examples of the US National Archives ("The Soundex
// Indexing System") and of D. Knuth, "The Art of Computer Programming", vol. 3.
func TestSoundex(t *testing.T) {
	for name, want := range map[string]string{
		"Washington": "W252", "Lee": "L000", "Gutierrez": "G362", "Pfister": "P236", "Jackson": "J250",
		"Tymczak": "T522", "VanDeusen": "V532", "Ashcraft": "A261",
		"Euler": "E460", "Gauss": "G200", "Hilbert": "H416", "Knuth": "K530", "Lloyd": "L300", "Lukasiewicz": "L222",
		"Robert": "R163", "Rupert": "R163", "O'Hara": "O600", "": "", "王": "",
	} {
		if got := measure.Soundex(name).String(); got != want {
			t.Errorf("Soundex(%s) = %s, want %s", name, got, want)
		}
	}
}

// TestNYSIIS has the names of dropby.com's page on NYSIIS with the codes that
// Apache Commons Codec 1.18 gives them (its NysiisTest), cut to eight letters.
func TestNYSIIS(t *testing.T) {
	for name, want := range map[string]string{
		"MACINTOSH": "MCANT", "KNUTH": "NAT", "KOEHN": "CAN", "PHILLIPSON": "FALAPSAN", "PFEISTER": "FASTAR",
		"SCHOENHOEFT": "SANAFT", "MCKEE": "MCY", "MACKIE": "MCY", "HEITSCHMIDT": "HATSNAD", "BART": "BAD",
		"HURD": "HAD", "HUNT": "HAD", "WESTERLUND": "WASTARLA", "CASSTEVENS": "CASTAFAN", "VASQUEZ": "VASG",
		"FRAZIER": "FRASAR", "BOWMAN": "BANAN", "MCKNIGHT": "MCNAGT", "RICKERT": "RACAD", "DEUTSCH": "DAT",
		"WESTPHAL": "WASTFAL", "SHRIVER": "SRAVAR", "KUHL": "CAL", "RAWSON": "RASAN", "JILES": "JAL",
		"CARRAWAY": "CARY", "YAMADA": "YANAD", "O'Daniel": "ODANAL", "Cory": "CARY", "FUZZY": "FASY",
		"Brian": "BRAN", "Kipp": "CAP", "Dionne": "DAN", "Phil": "FAL", "Schmidt": "SNAD", "Smith": "SNAT",
		"Trueman": "TRANAN", "": "",
	} {
		if got := measure.NYSIIS(name).String(); got != want {
			t.Errorf("NYSIIS(%s) = %s, want %s", name, got, want)
		}
	}
}

func TestGrams(t *testing.T) {
	a, b := measure.Grams(nil, "night", 2), measure.Grams(nil, "nacht", 2)
	// ^n ni ig gh ht t$ and ^n na ac ch ht t$ share three of nine.
	if got := measure.Jaccard(a, b); math.Abs(got-1./3) > 1e-9 {
		t.Errorf("Jaccard = %f", got)
	}
	if measure.MinHash(a, 0, 2) == measure.MinHash(b, 0, 2) && measure.MinHash(a, 1, 2) == measure.MinHash(b, 1, 2) {
		t.Error("all bands of unlike texts agree")
	}
	if got := measure.Jaccard(nil, nil); got != 0 {
		t.Errorf("Jaccard of nothing = %f", got)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	for _, pair := range [][2]string{{"shackleford", "shackelford"}, {"müller", "mueller"}, {"Иванов", "Иваноф"}} {
		if n := testing.AllocsPerRun(100, func() {
			measure.JaroWinkler(pair[0], pair[1])
			measure.Distance(pair[0], pair[1], 3)
			measure.Soundex(pair[0])
			measure.NYSIIS(pair[0])
		}); n != 0 {
			t.Errorf("%v: %v allocations", pair, n)
		}
	}
}

func BenchmarkJaroWinkler(b *testing.B) {
	for b.Loop() {
		measure.JaroWinkler("shackleford", "shackelford")
	}
}

func BenchmarkDistance(b *testing.B) {
	for b.Loop() {
		measure.Distance("shackleford", "shackelfrod", 3)
	}
}

func BenchmarkNYSIIS(b *testing.B) {
	for b.Loop() {
		measure.NYSIIS("shackleford")
	}
}
