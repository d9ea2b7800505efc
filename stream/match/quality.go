package match

import "slices"

// Quality is how well a grouping agrees with another, counted by pairs of
// records.
type Quality struct {
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1"`
	// Pairs are those together in both, Found in the first, True in the second.
	Pairs int `json:"pairs"`
	Found int `json:"found"`
	True  int `json:"true"`
}

// Compare counts the pairs that two groupings of the same records have in common;
// each gives a record's group. Records with an empty group in truth are left out.
func Compare(found, truth []string) Quality {
	type both struct{ a, b string }
	together, a, b := map[both]int{}, map[string]int{}, map[string]int{}
	for i := range found {
		if truth[i] == "" {
			continue
		}
		together[both{found[i], truth[i]}]++
		a[found[i]]++
		b[truth[i]]++
	}
	q := Quality{}
	for _, n := range together {
		q.Pairs += n * (n - 1) / 2
	}
	for _, n := range a {
		q.Found += n * (n - 1) / 2
	}
	for _, n := range b {
		q.True += n * (n - 1) / 2
	}
	q.derive()
	return q
}

// CompareAcross is Compare of the pairs whose records are of different files.
func CompareAcross(found, truth []string, files []int) Quality {
	q := Compare(found, truth)
	for file := range slices.Max(append(slices.Clone(files), 0)) + 1 {
		var f, t []string
		for i, of := range files {
			if of == file {
				f, t = append(f, found[i]), append(t, truth[i])
			}
		}
		within := Compare(f, t)
		q.Pairs, q.Found, q.True = q.Pairs-within.Pairs, q.Found-within.Found, q.True-within.True
	}
	q.derive()
	return q
}

func (q *Quality) derive() {
	q.Precision, q.Recall, q.F1 = 0, 0, 0
	if q.Found > 0 {
		q.Precision = float64(q.Pairs) / float64(q.Found)
	}
	if q.True > 0 {
		q.Recall = float64(q.Pairs) / float64(q.True)
	}
	if q.Precision+q.Recall > 0 {
		q.F1 = 2 * q.Precision * q.Recall / (q.Precision + q.Recall)
	}
}
