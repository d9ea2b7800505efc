package match

import (
	"context"
	"runtime"

	"sluice/stream/match"
)

// Report is how well a file was matched.
type Report struct {
	Rows    int            `json:"rows"`
	Columns []ColumnKind   `json:"columns"`
	Trained *match.Learned `json:"-"`
	// Prior is the probability that two records at random are one.
	Prior float64 `json:"prior"`
	// At is the quality at the model's threshold, Sweep at others.
	At    Point   `json:"at"`
	Sweep []Point `json:"sweep"`
	// Blocking: the share of true pairs that share a key, and how many pairs
	// were compared.
	BlockingRecall float64 `json:"blocking_recall"`
	Compared       int     `json:"pairs_compared"`
	SplitKeys      int     `json:"keys_split"`
	FullKeys       int     `json:"keys_full"`
	Golden         int     `json:"golden_records"`
	Review         int     `json:"review"`
	TrainSeconds   float64 `json:"train_seconds"`
	MatchSeconds   float64 `json:"match_seconds"`
	PerSecond      float64 `json:"records_per_second"`
	BytesPerRecord uint64  `json:"bytes_per_record"`
	SystemBytes    uint64  `json:"memory_bytes"`
}

// ColumnKind is what a column was taken for.
type ColumnKind struct {
	Column string `json:"column"`
	Kind   string `json:"kind"`
	Why    string `json:"why"`
}

// Point is the quality at a threshold.
type Point struct {
	Threshold float64 `json:"threshold"`
	match.Quality
}

// swept are the thresholds that are tried.
var swept = []float64{.5, .8, .9, .95, .98, .99, .999}

// Eval matches the file with the model and compares with the truth. Of two files
// only pairs across them count.
func Eval(ctx context.Context, f *File, m *match.Model, truth []string, p Progress) (*Report, error) {
	done, err := Match(ctx, f, m, p)
	if err != nil {
		return nil, err
	}
	r := &Report{
		Rows: f.Len(), Prior: m.Prior, Review: len(done.Doubtful), Golden: len(done.Index.All()),
		MatchSeconds: done.Took.Seconds(), PerSecond: float64(f.Len()) / done.Took.Seconds(), BytesPerRecord: done.Bytes / uint64(max(f.Len(), 1)),
	}
	r.At = Point{m.Match, f.quality(done.Groups(), truth)}
	crowd := done.Index.Crowded()
	for _, n := range crowd.Split {
		r.SplitKeys += n
	}
	for _, n := range crowd.Full {
		r.FullKeys += n
	}
	if err := r.blocking(ctx, f, done, truth); err != nil {
		return nil, err
	}
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	r.SystemBytes = s.Sys
	for i, t := range swept {
		p("sweeping", i, len(swept))
		at := *m
		at.Match, at.Review = t, min(at.Review, t)
		if err := at.Compile(); err != nil {
			return nil, err
		}
		again, err := Match(ctx, f, &at, func(string, int, int) {})
		if err != nil {
			return nil, err
		}
		r.Sweep = append(r.Sweep, Point{t, f.quality(again.Groups(), truth)})
	}
	return r, nil
}

// quality compares groups with the truth; of several files by the pairs across
// them.
func (f *File) quality(found, truth []string) match.Quality {
	if len(f.Paths) == 1 {
		return match.Compare(found, truth)
	}
	files := make([]int, len(f.rows))
	for i := range f.rows {
		files[i] = f.rows[i].file
	}
	return match.CompareAcross(found, truth, files)
}

// blocking looks every record up once more, now that all are there.
func (r *Report) blocking(ctx context.Context, f *File, done *Matched, truth []string) error {
	of := make(map[*match.Record]int, len(done.Records))
	for i, rec := range done.Records {
		of[rec] = i
	}
	reached := map[[2]int]struct{}{}
	pairs := 0
	for from := 0; from < len(done.Records); from += batch {
		part := done.Records[from:min(from+batch, len(done.Records))]
		found, err := done.Index.Candidates(ctx, part)
		if err != nil {
			return err
		}
		for k, list := range found {
			i := from + k
			pairs += len(list)
			for _, c := range list {
				j := of[c]
				if truth[i] != "" && truth[i] == truth[j] && (len(f.Paths) == 1 || f.rows[i].file != f.rows[j].file) {
					reached[[2]int{min(i, j), max(i, j)}] = struct{}{}
				}
			}
		}
	}
	r.Compared = pairs / 2
	if r.At.True > 0 {
		r.BlockingRecall = float64(len(reached)) / float64(r.At.True)
	}
	return nil
}
