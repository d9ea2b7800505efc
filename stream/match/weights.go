package match

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"sluice/schemas"
)

// Model is everything that a decision depends on: what is compared, what each
// agreement weighs, how records are blocked, and where the thresholds are. It is
// one YAML file. Compile it before use; then it is read-only.
type Model struct {
	// Prior is the probability that two records taken at random are of one
	// entity.
	Prior float64 `yaml:"prior"`
	// Match and Review are probabilities: from Match on a record joins, from
	// Review on somebody is asked, below it is new.
	Match  float64 `yaml:"match"`
	Review float64 `yaml:"review"`
	// Region is the ISO 3166 code of the country of phone numbers that name none.
	Region string `yaml:"region,omitempty"`
	// Name are the columns that a person's name is taken from.
	Name NameColumns `yaml:"name,omitempty"`
	// Comparisons are what is compared, in order.
	Comparisons []Comparison `yaml:"comparisons"`
	// Blocks are the keys under which records look for each other.
	Blocks []Block `yaml:"blocks"`

	given, family int // the comparisons of names, -1 if there is none
	prior         float64
	factors       [][2][16]float32 // m/u of each comparison and level; of it under another
	under         []int
	ways          []way
}

// NameColumns are the columns with a person's name, in whole or in parts.
type NameColumns struct {
	Full   []string `yaml:"full,omitempty"`
	Given  []string `yaml:"given,omitempty"`
	Family []string `yaml:"family,omitempty"`
}

// Comparison is a field that counts once.
type Comparison struct {
	Name    string   `yaml:"name"`
	Kind    Kind     `yaml:"kind"`
	Columns []string `yaml:"columns,flow"`
	// MonthFirst: of dates as 03/04/2005, the month is the first.
	MonthFirst bool    `yaml:"month_first,omitempty"`
	Levels     []Level `yaml:"levels"`
	// Under names a comparison on whose agreement this one depends; Given has
	// the weights where that agrees.
	Under string  `yaml:"under,omitempty"`
	Given []Level `yaml:"given,omitempty"`
	// Frequencies say how common single values are.
	Frequencies *Frequencies `yaml:"frequencies,omitempty"`
}

// Level is how far values agree, with the share of pairs that do so: of
// duplicates (M) and of others (U).
type Level struct {
	Level string  `yaml:"level"`
	M     float64 `yaml:"m"`
	U     float64 `yaml:"u"`
}

// Bits is what the level says for the pair being duplicates: log2(M/U).
func (l Level) Bits() float64 { return math.Log2(l.M / l.U) }

// write is the YAML itself.
func (m *Model) write() ([]byte, error) {
	return yaml.MarshalWithOptions(m, yaml.IndentSequence(true))
}

// YAML is the model as a file. Its first lines say what it is.
func (m *Model) YAML() ([]byte, error) {
	text, err := m.write()
	if err != nil {
		return nil, fmt.Errorf("writing the weights: %w", err)
	}
	return append([]byte("# Weights for matching, of `sluice match train`. A level's evidence is log2(m/u) bits.\n"), text...), nil
}

// Parse reads a model and compiles it. where names the file in errors.
func Parse(where string, text []byte) (*Model, error) {
	m := &Model{}
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(m); err != nil {
		return nil, &schemas.Fault{Where: where, What: "is not a file of weights", Cure: "write one with: sluice match train", Err: err}
	}
	if err := m.Compile(); err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	return m, nil
}

// Compile checks the model and prepares it for use.
func (m *Model) Compile() error {
	bad := func(path, what, cure string) error {
		return &schemas.Fault{Where: path, What: what, Cure: cure}
	}
	if !(m.Prior > 0 && m.Prior < 1) {
		return bad("prior", fmt.Sprintf("%v is no probability", m.Prior), "give one between 0 and 1, as 0.0001")
	}
	if !(m.Review > 0 && m.Review <= m.Match && m.Match < 1) {
		return bad("match", fmt.Sprintf("match %v and review %v are not in order", m.Match, m.Review), "they are probabilities, review the lower one")
	}
	if len(m.Comparisons) == 0 || len(m.Comparisons) > mostComparisons {
		return bad("comparisons", fmt.Sprintf("there are %d", len(m.Comparisons)), fmt.Sprintf("compare between 1 and %d fields", mostComparisons))
	}
	m.given, m.family = -1, -1
	m.prior = math.Log2(m.Prior / (1 - m.Prior))
	m.factors = make([][2][16]float32, len(m.Comparisons))
	m.under = make([]int, len(m.Comparisons))
	m.ways = make([]way, len(m.Comparisons))
	for i := range m.Comparisons {
		c := &m.Comparisons[i]
		path := "comparisons." + c.Name
		want, ok := methods[c.Kind]
		if !ok {
			return bad(path+".kind", fmt.Sprintf("%q is not compared", c.Kind), "kinds are "+KindNames())
		}
		m.ways[i] = way{ways[c.Kind], uint8(want.agree), uint8(want.exact)}
		switch c.Kind {
		case Given:
			m.given = i
		case Family:
			m.family = i
		}
		m.under[i] = -1
		if c.Under != "" {
			m.under[i] = slices.IndexFunc(m.Comparisons[:i], func(o Comparison) bool { return o.Name == c.Under })
			if m.under[i] < 0 {
				return bad(path+".under", fmt.Sprintf("no comparison %q stands before it", c.Under), "name one that does, or leave it out")
			}
		}
		for s, levels := range [2][]Level{c.Levels, c.Given} {
			if s == 1 && c.Under == "" {
				continue
			}
			if len(levels) != len(want.levels) {
				return bad(path+".levels", fmt.Sprintf("%d levels, but %s has %d", len(levels), c.Kind, len(want.levels)), "write the weights anew with: sluice match train")
			}
			m.factors[i][s][missing] = 1
			for l, v := range levels {
				if !(v.M > 0 && v.M <= 1 && v.U > 0 && v.U <= 1) || v.Level != want.levels[l].name {
					return bad(path+".levels["+want.levels[l].name+"]", fmt.Sprintf("%q with m %v and u %v", v.Level, v.M, v.U), "shares are above 0 and at most 1, levels in their order")
				}
				m.factors[i][s][l+1] = float32(v.M / v.U)
			}
		}
		c.Frequencies.compile()
	}
	return m.compileBlocks()
}

// mostComparisons bounds what a pair costs, and fits its levels in a word.
const mostComparisons = 16

// KindNames lists the kinds, for people.
func KindNames() string {
	names := []string{string(Full), string(Ignore)}
	for k := range methods {
		names = append(names, string(k))
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// Record makes a record comparable. column answers what a column of it holds.
func (m *Model) Record(id string, column func(name string) string) *Record {
	r := &Record{ID: id, Values: m.values(column)}
	r.Keys = m.keys(r.Values)
	return r
}
