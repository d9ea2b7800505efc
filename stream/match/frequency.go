package match

import (
	"cmp"
	"maps"
	"slices"
)

// Frequencies say which share of the records has a value: two Smiths agree by
// chance more often than two Featherstonehaughs do.
type Frequencies struct {
	// Mean is the share of pairs of records that agree by chance.
	Mean float64 `yaml:"mean"`
	// Rest is the share of each value that is not listed.
	Rest float64 `yaml:"rest"`
	// Values are the common ones.
	Values map[string]float64 `yaml:"values,omitempty"`

	rest float32
}

// mostFrequent bounds the values that are listed, leastFrequent is how often one
// must be there: single values do not belong in a file of weights.
const (
	mostFrequent  = 2000
	leastFrequent = 5
)

// count makes the table of the values of a comparison.
func count(values map[string]int) *Frequencies {
	total, square := 0, 0.
	for _, n := range values {
		total += n
		square += float64(n) * float64(n)
	}
	if total == 0 {
		return nil
	}
	f := &Frequencies{Mean: square / float64(total) / float64(total), Values: map[string]float64{}}
	common := slices.SortedFunc(maps.Keys(values), func(a, b string) int {
		return cmp.Or(cmp.Compare(values[b], values[a]), cmp.Compare(a, b))
	})
	left := total
	for i, v := range common {
		if i == mostFrequent || values[v] < leastFrequent {
			break
		}
		f.Values[v] = round(float64(values[v]) / float64(total))
		left -= values[v]
	}
	if rest := len(values) - len(f.Values); rest > 0 {
		f.Rest = round(max(float64(left)/float64(rest), 1) / float64(total))
	} else {
		f.Rest = round(1 / float64(total))
	}
	f.Mean = round(f.Mean)
	return f
}

func (f *Frequencies) compile() {
	if f == nil {
		return
	}
	f.rest = 1
	if f.Rest > 0 {
		f.rest = bounded(f.Mean / f.Rest)
	}
}

// rarity is Mean over the share of the value: above 1 for rare ones.
func (f *Frequencies) rarity(value string) float32 {
	if f == nil || value == "" {
		return 1
	}
	if share, ok := f.Values[value]; ok && share > 0 {
		return bounded(f.Mean / share)
	}
	return f.rest
}

// bounded keeps the adjustment within five bits up and four bits down.
func bounded(r float64) float32 { return float32(min(max(r, 1./16), 32)) }
