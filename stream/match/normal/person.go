package normal

import (
	"slices"
	"strings"
)

// Name is a person's name in parts, folded.
type Name struct {
	// Given are the given names and initials in their order.
	Given []string
	// Family is the family name, its words joined without particles.
	Family string
	// Lone says that the name is one word, which may be either: it stands in
	// Given.
	Lone bool
}

// mostGiven bounds the given names that are compared.
const mostGiven = 4

// Person takes a name apart. Any of its three parts may be empty: full adds the
// given names that given lacks, and is taken apart where family is missing:
// "Last, First" or "First Last". Titles, honours, ordinals and particles are
// dropped.
func Person(given, family, full string) Name {
	comma := strings.IndexByte(full, ',')
	if family == "" && comma > 0 {
		// What follows the comma is a given name, or an honour: "Fox, MP".
		rest := without(Fold(full[comma+1:]), titles, honours)
		if len(rest) > 0 && !particle(full[comma+1:]) {
			family, full = full[:comma], strings.Join(rest, " ")
			return parts(strings.Join([]string{Fold(given), full}, " "), Fold(family))
		}
	}
	return parts(Fold(given)+" "+Fold(full), Fold(family))
}

// particle reports whether a text names a place or a rank: "countess of Derby".
func particle(s string) bool {
	for w := range strings.FieldsSeq(Fold(s)) {
		if particles[w] || ranks[w] {
			return true
		}
	}
	return false
}

func parts(given, family string) Name {
	var n Name
	last := without(family, titles, honours, particles)
	words := without(given, titles, honours, particles)
	if n := len(words); n > 0 {
		// A rank is a title before a name, and a name at its end: King.
		end := words[n-1]
		rest := without(strings.Join(words[:n-1], " "), ranks)
		if len(last) == 0 || !ranks[end] {
			rest = append(rest, end)
		}
		if len(rest)+len(last) >= 2 {
			words = rest
		}
	}
	words = slices.DeleteFunc(words, ordinal)
	if len(last) == 0 {
		words = unique(words, nil)
		switch len(words) {
		case 0:
		case 1:
			n.Given, n.Lone = words, true
		default:
			n.Family, n.Given = words[len(words)-1], first(words[:len(words)-1])
		}
		return n
	}
	n.Family = strings.Join(last, "")
	n.Given = first(unique(words, last))
	return n
}

// unique drops words that were there before, and those of the other list.
func unique(words, other []string) []string {
	out := words[:0]
	for _, w := range words {
		if !slices.Contains(out, w) && !slices.Contains(other, w) {
			out = append(out, w)
		}
	}
	return out
}

func first(words []string) []string { return words[:min(len(words), mostGiven)] }

// ordinal reports whether a word counts: "3rd", "1", "iii".
func ordinal(w string) bool {
	if w[0] >= '0' && w[0] <= '9' {
		digits := strings.TrimRight(w, "sthndr")
		return len(digits) < 3 && strings.Trim(digits, "0123456789") == ""
	}
	return w == "ii" || w == "iii" || w == "iv" || w == "vi" || w == "vii" || w == "viii"
}

var (
	titles = set(`mr mrs ms mx miss master dr prof professor sir dame lady lord rev reverend revd rt hon right honourable honorable fr
		captain capt colonel col lt lieutenant cmdr commander commodore sergeant sgt corporal cpl pvt brigadier admiral
		vice rear herr frau fraulein hr fru dipl ing mag monsieur mme mlle madame mademoiselle senor senora senorita sr sra srta
		dona signor signora sig dott dottore pan pani viscount viscountess baroness baronet countess marquess marquis
		marchioness duchess princess archbishop archdeacon cardinal rabbi imam sheikh hrh`)
	honours   = set(`jr junior snr senior esq esquire bart bt phd md mp dds dsc frs obe mbe cbe kbe dbe kcb gcb kcmg gcmg kt qc kc sj osb mba cpa`)
	particles = set(`of the de du des del della di da do dos das la le les von vom van der den het ter ten zu zum zur af av y e and und et al el ibn bin bint ben ap`)
	ranks     = set(`major general king queen prince duke earl baron count bishop dean abbot marshal judge don dom father mother brother sister saint elder chief`)
)
