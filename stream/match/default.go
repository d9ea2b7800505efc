package match

import "slices"

// Field is a column with its kind.
type Field struct {
	Column string
	Kind   Kind
	// Why says how the kind was found, for people.
	Why string
}

// thresholds that are shipped.
const (
	shippedMatch  = .95
	shippedReview = .30
	shippedPrior  = 1e-4
)

// order is in which kinds are compared: what others stand under comes first.
var order = []Kind{Company, Given, Family, Date, Identifier, Email, Phone, Postcode, City, Region, Street, House, Category, Number, List, Text}

// Default is the model for records with these fields, with weights that fit
// people and companies in general. Train improves them.
func Default(fields []Field) *Model {
	m := &Model{Prior: shippedPrior, Match: shippedMatch, Review: shippedReview}
	by := map[Kind][]string{}
	for _, f := range fields {
		by[f.Kind] = append(by[f.Kind], f.Column)
	}
	m.Name = NameColumns{by[Full], by[Given], by[Family]}
	named := slices.Concat(by[Given], by[Family], by[Full])
	for _, k := range order {
		switch k {
		case Given, Family:
			if len(named) > 0 {
				m.add(string(k)[:len(k)-len(" name")], k, named)
			}
		case Email, Phone, Postcode, Company:
			// Of several, the first that has a value.
			if len(by[k]) > 0 {
				m.add(string(k), k, by[k])
			}
		default:
			for i, col := range by[k] {
				name := string(k)
				if i > 0 || len(by[k]) > 1 {
					name = col
				}
				m.add(name, k, []string{col})
			}
		}
	}
	m.Blocks = m.derive()
	return m
}

func (m *Model) add(name string, k Kind, columns []string) {
	if len(m.Comparisons) == mostComparisons {
		return
	}
	c := Comparison{Name: name, Kind: k, Columns: columns}
	for _, l := range methods[k].levels {
		c.Levels = append(c.Levels, Level{l.name, l.m, l.u})
	}
	for _, over := range under[k] {
		if i := slices.IndexFunc(m.Comparisons, func(o Comparison) bool { return o.Kind == over }); i >= 0 {
			c.Under = m.Comparisons[i].Name
			last := len(c.Levels) - 1
			for _, l := range c.Levels {
				// Where the other agrees, an agreement says little.
				c.Given = append(c.Given, Level{l.Level, l.M, max(l.U, l.M*.6)})
			}
			c.Given[last].U = .3
			break
		}
	}
	m.Comparisons = append(m.Comparisons, c)
}

// cap of a key that is shipped.
const shippedCap = 60

// recipes are the blocks that are derived where a model has the kinds. Each is
// parts, a bar, and what splits a key that is too full.
var recipes = [][2][]string{
	{{"email:text"}, {"given:text"}},
	{{"phone:text"}, {"given:text"}},
	{{"identifier:text"}, nil},
	{{"date:text"}, {"given:initial"}},
	{{"date:text", "family:initial"}, {"given:root"}},
	{{"date:text", "postcode:area"}, {"given:initial"}},
	{{"date:day"}, {"given:initial"}},
	{{"date:day", "family:prefix3"}, {"given:initial"}},
	{{"family:text"}, {"given:root"}},
	{{"family:sound"}, {"given:initial"}},
	{{"family:sound", "given:root"}, {"date:year"}},
	{{"family:prefix4"}, {"given:initial"}},
	{{"family:suffix4"}, {"given:initial"}},
	{{"family:prefix3", "postcode:area"}, {"given:initial"}},
	{{"family:text", "date:year"}, {"given:initial"}},
	{{"family:text", "city:text"}, {"given:initial"}},
	{{"family:prefix3", "city:text"}, {"given:initial"}},
	{{"postcode:text"}, {"given:initial"}},
	{{"postcode:text", "family:initial"}, {"given:root"}},
	{{"given:root", "city:text"}, {"date:year"}},
	{{"given:initial", "postcode:area"}, {"given:root"}},
	{{"given:text", "date:year"}, {"family:initial"}},
	{{"city:text", "date:year"}, {"given:initial"}},
	{{"city:text"}, {"given:initial"}},
	{{"given:root"}, {"family:initial"}},
	{{"date:prefix6"}, {"given:initial"}},
	{{"street:text", "house:text"}, {"given:initial"}},
	{{"street:text", "postcode:text"}, {"given:initial"}},
	{{"company:sound"}, {"city:text"}},
	{{"company:word", "postcode:area"}, {"city:text"}},
	{{"company:word", "city:text"}, {"company:sound"}},
	{{"company:band"}, {"city:text"}},
	{{"text:band"}, nil},
}

// derive makes the blocks that the comparisons allow.
func (m *Model) derive() []Block {
	// of names a kind's first comparison, whatever it is called.
	names := map[string]string{}
	for i := len(m.Comparisons) - 1; i >= 0; i-- {
		c := &m.Comparisons[i]
		switch c.Kind {
		case Given:
			names["given"] = c.Name
		case Family:
			names["family"] = c.Name
		case House:
			names["house"] = c.Name
		default:
			names[string(c.Kind)] = c.Name
		}
	}
	var out []Block
	for _, r := range recipes {
		parts, ok := translated(r[0], names)
		if !ok {
			continue
		}
		split, _ := translated(r[1], names)
		out = append(out, Block{Parts: parts, Split: split, Cap: shippedCap})
	}
	if len(out) == 0 {
		for _, c := range m.Comparisons {
			if c.Kind != Category && c.Kind != Region {
				out = append(out, Block{Parts: []string{c.Name + ":text"}, Cap: shippedCap})
			}
		}
	}
	return out
}

// translated puts the names of the comparisons for the kinds; ok is false if
// one is not there.
func translated(parts []string, names map[string]string) (out []string, ok bool) {
	ok = true
	for _, p := range parts {
		i := slices.Index([]byte(p), ':')
		if name := names[p[:i]]; name != "" {
			out = append(out, name+p[i:])
		} else {
			ok = false
		}
	}
	return out, ok
}
