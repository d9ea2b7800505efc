package match

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
)

// added are the columns that Write adds.
var added = []string{"golden_id", "probability", "verdict", "review_with"}

// Write writes the rows with their golden ids, the probability that each belongs
// to the rest of its golden record (1 for one alone), the verdict, and for
// doubtful ones the golden id that they may belong to.
func Write(w io.Writer, f *File, m *Matched) error {
	out := csv.NewWriter(w)
	head := slices.Clone(f.Columns)
	for _, name := range added {
		for slices.Contains(head, name) {
			name = "sluice_" + name
		}
		head = append(head, name)
	}
	if err := out.Write(head); err != nil {
		return fmt.Errorf("writing the rows: %w", err)
	}
	sizes := map[string]int{}
	for _, r := range m.Records {
		sizes[r.Golden.String()]++
	}
	for i, r := range m.Records {
		id := r.Golden.String()
		verdict, other := "new", ""
		if sizes[id] > 1 {
			verdict = "match"
		} else if d, ok := m.Doubtful[i]; ok && d.Other != r.Golden {
			verdict, other = "review", d.Other.String()
		}
		p := strconv.FormatFloat(m.Matcher.Belief(r), 'f', 4, 64)
		if err := out.Write(append(slices.Clone(f.rows[i].cells), id, p, verdict, other)); err != nil {
			return fmt.Errorf("writing the rows: %w", err)
		}
	}
	out.Flush()
	return out.Error()
}
