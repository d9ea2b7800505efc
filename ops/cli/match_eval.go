package cli

import (
	"fmt"
	"time"

	"sluice/ops/match"
)

type matchEvalCmd struct {
	matchFile
	matchWeights
	Truth   string `required:"" placeholder:"COLUMN" help:"Column that is equal for the records of one entity. It is not compared."`
	Pattern string `name:"truth-pattern" placeholder:"REGEXP" help:"Take what its one group captures of the column instead."`
	format
}

// Help teaches the verb.
func (matchEvalCmd) Help() string {
	return `Examples:

	sluice match eval people.csv --truth cluster
	sluice match eval people.csv --truth cluster --weights weights.yaml -o json
	sluice match eval febrl4a.csv febrl4b.csv --truth rec_id --truth-pattern '^(rec-\d+)-'

Without --weights they are learned from the file; the truth is not used for that. Precision, recall and F1 count pairs of records; of two files, pairs across them. Blocking recall is the share of the true pairs that were compared at all.`
}

// Run runs the verb.
func (c *matchEvalCmd) Run(s *session) error {
	f, fields, err := c.open(c.Truth)
	if err != nil {
		return err
	}
	truth, err := match.Truth(f, c.Truth, c.Pattern)
	if err != nil {
		return usage(err)
	}
	began := time.Now()
	p, done := s.progress()
	m, _, err := c.model(s, f, fields, c.Region, p)
	if err != nil {
		done()
		return err
	}
	trained := time.Since(began)
	r, err := match.Eval(s.ctx, f, m, truth, p)
	done()
	if err != nil {
		return err
	}
	r.TrainSeconds = trained.Seconds()
	for _, f := range fields {
		r.Columns = append(r.Columns, match.ColumnKind{Column: f.Column, Kind: string(f.Kind), Why: f.Why})
	}
	if c.json() {
		return line(s.stdout, r)
	}
	if err := showKinds(s.stdout, fields); err != nil {
		return err
	}
	fmt.Fprintln(s.stdout)
	t := newTable(s.stdout, "THRESHOLD", "PRECISION", "RECALL", "F1", "TRUE PAIRS", "FOUND", "OF THESE TRUE")
	for _, at := range append([]match.Point{r.At}, r.Sweep...) {
		t.row(at.Threshold, fmt.Sprintf("%.4f", at.Precision), fmt.Sprintf("%.4f", at.Recall), fmt.Sprintf("%.4f", at.F1), at.True, at.Found, at.Pairs)
	}
	if err := t.flush(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.stdout, `
The first line is the threshold of the weights.
%d rows became %d golden records; %d rows are doubtful.
Blocking recall %.4f: %d pairs compared, %d keys were too full and split, %d of their parts full even so.
Learned in %.1f s, matched in %.1f s: %.0f records/s, %d bytes a record, %d MiB in all.
`, r.Rows, r.Golden, r.Review, r.BlockingRecall, r.Compared, r.SplitKeys, r.FullKeys, r.TrainSeconds, r.MatchSeconds, r.PerSecond, r.BytesPerRecord, r.SystemBytes>>20)
	return err
}
