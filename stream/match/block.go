package match

import (
	"fmt"
	"strconv"
	"strings"

	"sluice/schemas"
	"sluice/stream/match/measure"
)

// Block is a kind of key under which alike records are filed together. A key is
// made of the values of all of its parts; a record that lacks one has none.
type Block struct {
	// Parts are comparisons with what is taken of them: "family:sound".
	Parts []string `yaml:"parts,flow"`
	// Split are further parts. A key that more than Cap records share is split
	// by them.
	Split []string `yaml:"split,flow,omitempty"`
	// Cap is how many records are looked at under one key.
	Cap int `yaml:"cap"`

	parts, split []part
}

// Key is where a record is filed: under Hash, and once that is full under
// Hash and Split.
type Key struct {
	// Block is the number of the block in the model.
	Block uint8
	Hash  uint64
	Split uint64
}

// part is a piece of a key.
type part struct {
	comparison int
	take       string
	n          int
}

// keysOfBlock bounds the keys that one record has of one block.
const keysOfBlock = 4

// compileBlocks understands the parts.
func (m *Model) compileBlocks() error {
	if len(m.Blocks) == 0 || len(m.Blocks) > 250 {
		return &schemas.Fault{Where: "blocks", What: fmt.Sprintf("there are %d", len(m.Blocks)), Cure: "declare between 1 and 250, as {parts: [email:text], cap: 50}"}
	}
	for i := range m.Blocks {
		b := &m.Blocks[i]
		where := "blocks[" + strconv.Itoa(i) + "]"
		if b.Cap < 2 || b.Cap > 1000 {
			return &schemas.Fault{Where: where + ".cap", What: fmt.Sprintf("%d is not between 2 and 1000", b.Cap), Cure: "50 is a good start"}
		}
		b.parts, b.split = nil, nil
		for _, list := range []struct {
			from []string
			to   *[]part
		}{{b.Parts, &b.parts}, {b.Split, &b.split}} {
			for _, text := range list.from {
				p, err := m.part(where, text)
				if err != nil {
					return err
				}
				*list.to = append(*list.to, p)
			}
		}
		if len(b.parts) == 0 {
			return &schemas.Fault{Where: where + ".parts", What: "there are none", Cure: "name what records must share, as [family:sound, date:year]"}
		}
	}
	return nil
}

// takes are what can be taken of a value.
const takes = "text, sound, root, initial, prefixN, suffixN, area, year, day, word, band"

func (m *Model) part(where, text string) (part, error) {
	name, take, _ := strings.Cut(text, ":")
	p := part{comparison: -1, take: take}
	for i := range m.Comparisons {
		if m.Comparisons[i].Name == name {
			p.comparison = i
		}
	}
	if p.comparison < 0 {
		return p, &schemas.Fault{Where: where, What: fmt.Sprintf("%q: there is no comparison %q", text, name), Cure: "use the name of a comparison"}
	}
	for _, side := range []string{"prefix", "suffix"} {
		if rest, ok := strings.CutPrefix(take, side); ok {
			n, err := strconv.Atoi(rest)
			if err != nil || n < 1 || n > 20 {
				return p, &schemas.Fault{Where: where, What: fmt.Sprintf("%q has no length", text), Cure: "write it as " + side + "3"}
			}
			p.take, p.n = side, n
			return p, nil
		}
	}
	switch take {
	case "text", "sound", "root", "initial", "area", "year", "day", "word", "band":
		return p, nil
	}
	return p, &schemas.Fault{Where: where, What: fmt.Sprintf("%q takes %q", text, take), Cure: "take one of " + takes}
}

// hashes are the values of a part, as hashes.
func (p part) hashes(values []Value, into *[keysOfBlock]uint64) int {
	v := &values[p.comparison]
	if v.Text == "" {
		return 0
	}
	n := 0
	add := func(h uint64) {
		if n < len(into) {
			into[n] = h
			n++
		}
	}
	switch p.take {
	case "text":
		add(measure.Hash(v.Text))
	case "sound":
		if v.Sound != (measure.Code{}) {
			add(measure.Hash(v.Sound.String()))
		} else {
			add(measure.Hash(v.Text))
		}
	case "root":
		for _, r := range v.Roots[:min(len(v.Roots), 3)] {
			add(uint64(r))
		}
		if len(v.Roots) == 0 {
			add(measure.Hash(v.Text))
		}
	case "initial":
		add(uint64(v.Text[0]))
	case "prefix":
		add(measure.Hash(v.Text[:min(len(v.Text), p.n)]))
	case "suffix":
		add(measure.Hash(v.Text[max(0, len(v.Text)-p.n):]))
	case "day":
		// First of January is what is written where nobody knows the day.
		if len(v.Text) == 8 && v.Text[4:] != january {
			add(measure.Hash(v.Text[4:]))
		}
	case "area", "year":
		if v.Area != "" {
			add(measure.Hash(v.Area))
		}
	case "word":
		for _, w := range v.Words {
			add(measure.Hash(w))
		}
	case "band":
		var buf [measure.MostGrams]uint32
		grams := v.Grams
		if grams == nil {
			grams = measure.Grams(buf[:0], v.Text, 3)
		}
		for band := range keysOfBlock {
			add(measure.MinHash(grams, band, 2))
		}
	}
	return n
}

// keys are the keys of a record's values.
func (m *Model) keys(values []Value) []Key {
	keys := make([]Key, 0, len(m.Blocks))
	for i := range m.Blocks {
		b := &m.Blocks[i]
		var made [keysOfBlock]uint64
		made[0] = measure.Mix(uint64(i) + 1)
		n := combine(b.parts, values, &made, 1)
		if n == 0 {
			continue
		}
		split := measure.Mix(uint64(i) + 1000)
		for _, p := range b.split {
			var h [keysOfBlock]uint64
			if p.hashes(values, &h) > 0 {
				split = measure.Mix(split ^ h[0])
			}
		}
		for _, h := range made[:n] {
			keys = append(keys, Key{uint8(i), h, split})
		}
	}
	return keys
}

// combine extends each hash by each value of each part.
func combine(parts []part, values []Value, made *[keysOfBlock]uint64, n int) int {
	for _, p := range parts {
		var h, next [keysOfBlock]uint64
		k := 0
		for _, v := range h[:p.hashes(values, &h)] {
			for _, before := range made[:n] {
				if k < len(next) {
					next[k] = measure.Mix(before*31 + v)
					k++
				}
			}
		}
		*made, n = next, k
	}
	return n
}
