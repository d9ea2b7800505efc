package match

import (
	"context"
	"fmt"
	"regexp"
	"runtime"
	"time"

	"sluice/schemas"
	"sluice/stream/match"
)

// batch is how many rows are matched at a time, as in the stream.
const batch = 500

// Progress is told how much of a step is done.
type Progress func(step string, done, of int)

// Model is the model for the file: the weights of a file where one is named,
// else learned from the rows.
func Model(ctx context.Context, f *File, fields []match.Field, weights []byte, where, region string, p Progress) (*match.Model, *match.Learned, error) {
	if weights != nil {
		m, err := match.Parse(where, weights)
		return m, nil, err
	}
	if f.Len() < 2 {
		return nil, nil, &schemas.Fault{Where: f.Paths[0], What: fmt.Sprintf("has %d rows", f.Len()), Cure: "there is nothing to compare: give at least two"}
	}
	m := match.Default(fields)
	m.Region = region
	t := &match.Trainer{Model: m, Progress: func(done, of int) { p("learning", done, of) }}
	learned, err := t.Train(ctx, f)
	return m, learned, err
}

// Matched is a file whose rows have their golden records.
type Matched struct {
	Records []*match.Record
	// Doubtful are the rows that somebody should look at, by their number.
	Doubtful map[int]match.Decision
	Index    *match.Memory
	Matcher  *match.Matcher
	Took     time.Duration
	// Bytes are what the records and the index take.
	Bytes uint64
}

// Match matches all rows, in batches, in their order.
func Match(ctx context.Context, f *File, m *match.Model, p Progress) (*Matched, error) {
	before := heap()
	began := time.Now()
	out := &Matched{Records: make([]*match.Record, 0, f.Len()), Doubtful: map[int]match.Decision{}, Index: match.NewMemory(m)}
	out.Matcher = match.New(m, out.Index)
	for from := 0; from < f.Len(); from += batch {
		var part []*match.Record
		for i := from; i < min(from+batch, f.Len()); i++ {
			part = append(part, m.Record(f.ID(i), func(c string) string { return f.Cell(i, c) }))
		}
		decisions, err := out.Matcher.Match(ctx, part)
		if err != nil {
			return nil, err
		}
		for i, d := range decisions {
			if d.Verdict == match.Doubtful {
				out.Doubtful[from+i] = d
			}
		}
		out.Records = append(out.Records, part...)
		p("matching", len(out.Records), f.Len())
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	out.Took = time.Since(began)
	if after := heap(); after > before {
		out.Bytes = after - before
	}
	return out, nil
}

func heap() uint64 {
	var s runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

// Groups are the golden ids in the order of the rows.
func (m *Matched) Groups() []string {
	out := make([]string, len(m.Records))
	for i, r := range m.Records {
		out[i] = r.Golden.String()
	}
	return out
}

// Truth is each row's entity: what a column holds, or what the first group of a
// pattern captures of it. A row that does not fit the pattern is an error.
func Truth(f *File, column, pattern string) ([]string, error) {
	if err := f.has("--truth", column); err != nil {
		return nil, err
	}
	out := make([]string, f.Len())
	var like *regexp.Regexp
	if pattern != "" {
		var err error
		if like, err = regexp.Compile(pattern); err != nil || like.NumSubexp() != 1 {
			return nil, &schemas.Fault{Where: "--truth-pattern", What: fmt.Sprintf("%q is no pattern with one group", pattern), Cure: `for Febrl write '^(rec-\d+)-'`, Err: err}
		}
	}
	for i := range out {
		out[i] = f.Cell(i, column)
		if like == nil {
			continue
		}
		found := like.FindStringSubmatch(out[i])
		if found == nil {
			return nil, &schemas.Fault{Where: f.ID(i), What: fmt.Sprintf("%s %q does not fit the pattern %s", column, out[i], pattern), Cure: "give a --truth-pattern that fits all rows"}
		}
		out[i] = found[1]
	}
	return out, nil
}
