package match

import (
	"strings"

	"github.com/google/uuid"

	"sluice/stream/match/measure"
	"sluice/stream/match/normal"
)

// Record is one record of one system, in the form in which it is compared. It
// is made by [Model.Record] and does not change but for Golden.
type Record struct {
	// ID is unique among all records of the entity: system and key.
	ID string
	// Seq is the order of arrival: the older of two names the golden record.
	Seq uint64
	// Golden is the golden record that it belongs to, zero before the first
	// decision.
	Golden uuid.UUID
	// Values are what is compared, one for each comparison of the model.
	Values []Value
	// Keys are the blocks that it is filed under.
	Keys []Key
}

// Value is a field's normal form.
type Value struct {
	// Text is what is compared first; empty is missing.
	Text string
	// Words are given names, the words of a text, or the elements of a list.
	Words []string
	// Roots are the groups of given names that Text belongs to.
	Roots []uint16
	// Area is the coarser part: a postcode's area, a mail address's mailbox.
	Area string
	// Grams are the q-grams of longer texts.
	Grams []uint32
	// Sound is the phonetic code of names.
	Sound measure.Code
	// Number is the value of numbers.
	Number float64
	// Rarity is how much more telling an agreement on this very value is than
	// one on any: the mean share of the values over the share of this one.
	Rarity float32
	// Lone marks a name of one word, of which nobody knows which name it is.
	Lone bool
}

// Missing reports whether there is nothing to compare.
func (v *Value) Missing() bool { return v.Text == "" }

// mostWords bounds the words and list elements that are compared.
const mostWords = 8

// values normalises the columns of a row. column answers what a column holds.
func (m *Model) values(column func(name string) string) []Value {
	out := make([]Value, len(m.Comparisons))
	var (
		name  normal.Name
		named bool
	)
	for i := range m.Comparisons {
		c := &m.Comparisons[i]
		v := &out[i]
		switch c.Kind {
		case Given, Family:
			if !named {
				name, named = m.person(column), true
			}
			v.Lone = name.Lone
			v.name(c.Kind, name)
		default:
			for _, col := range c.Columns {
				if s := column(col); !normal.Missing(s) {
					v.fill(c, s, m.Region)
					break
				}
			}
		}
		v.Rarity = c.Frequencies.rarity(v.Text)
	}
	return out
}

// person joins the columns that hold a name.
func (m *Model) person(column func(string) string) normal.Name {
	of := func(names []string) string {
		for _, n := range names {
			if s := column(n); !normal.Missing(s) {
				return s
			}
		}
		return ""
	}
	return normal.Person(of(m.Name.Given), of(m.Name.Family), of(m.Name.Full))
}

func (v *Value) name(k Kind, n normal.Name) {
	switch {
	case k == Given && len(n.Given) > 0:
		v.Text, v.Words = n.Given[0], n.Given
		v.Roots = normal.Roots(v.Text)
	case k == Family && n.Lone:
		v.Text = n.Given[0]
	case k == Family:
		v.Text = n.Family
	}
	v.Sound = measure.NYSIIS(v.Text)
}

func (v *Value) fill(c *Comparison, s, region string) {
	switch c.Kind {
	case Company:
		v.words(normal.Company(s))
		v.Sound = measure.NYSIIS(v.Text)
	case Email:
		local, domain := normal.Email(s)
		if local != "" {
			v.Text, v.Area = local+"@"+domain, local
		}
	case Phone:
		v.Text = normal.Phone(s, region)
		v.Area = v.Text[max(0, len(v.Text)-7):]
	case Street:
		a := normal.Street(s)
		v.words(a.Street)
		v.Area = a.Number
	case House:
		v.Text = strings.ReplaceAll(normal.Fold(s), " ", "")
	case City:
		v.words(normal.Fold(s))
	case Postcode:
		v.Text, v.Area = normal.Postcode(s)
	case Date:
		v.Text = normal.Date(s, c.MonthFirst)
		if v.Text != "" {
			v.Area = v.Text[:4]
		}
	case Number:
		v.number(s)
	case Text:
		v.words(normal.Fold(s))
		v.Grams = measure.Grams(nil, v.Text, 3)
	case List:
		v.list(s)
	case Identifier:
		v.Text = strings.ReplaceAll(normal.Fold(s), " ", "")
	default:
		v.Text = normal.Fold(s)
	}
}

func (v *Value) words(text string) {
	v.Text = text
	v.Words = strings.Fields(text)
	v.Words = v.Words[:min(len(v.Words), mostWords)]
}
