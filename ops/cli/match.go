package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"sluice/ops/match"
	"sluice/schemas"
	domain "sluice/stream/match"
)

type matchCmd struct {
	Train  matchTrainCmd  `cmd:"" help:"Learn weights from a CSV file, without labels."`
	Eval   matchEvalCmd   `cmd:"" help:"Measure matching on a CSV file whose duplicates are known."`
	Dedupe matchDedupeCmd `cmd:"" help:"Add golden ids to a CSV file."`
}

// matchFile are the flags of all verbs of matching.
type matchFile struct {
	Files  []string `arg:"" name:"file" type:"path" help:"CSV file with a header; two are linked with each other."`
	Column []string `sep:"none" placeholder:"NAME=KIND" help:"What a column holds, where the guess is wrong: full-name, given-name, family-name, company, email, phone, street, house-number, city, region, postcode, date, category, identifier, number, text, list or ignore."`
	Region string   `placeholder:"CC" help:"Country of phone numbers that name none, as DE."`
}

// open reads the files and finds out what the columns hold.
func (c *matchFile) open(truth string) (*match.File, []domain.Field, error) {
	for i, path := range c.Files {
		// Golden ids are made of the path as given; the current folder is noise.
		if wd, err := os.Getwd(); err == nil {
			c.Files[i] = strings.TrimPrefix(path, wd+string(os.PathSeparator))
		}
	}
	f, err := match.Read(c.Files...)
	if err != nil {
		return nil, nil, usage(err)
	}
	fields, err := match.Columns(f, c.Column, []string{truth})
	return f, fields, usage(err)
}

// matchWeights are the flags of the verbs that match.
type matchWeights struct {
	Weights string  `short:"w" type:"path" placeholder:"FILE" help:"Weights of match train; without them they are learned from the file itself."`
	Match   float64 `placeholder:"P" help:"Probability from which records are one; by default that of the weights, or 0.95."`
}

// model is the model for a file; learned is nil where it was read.
func (c *matchWeights) model(s *session, f *match.File, fields []domain.Field, region string, p match.Progress) (*domain.Model, *domain.Learned, error) {
	var text []byte
	if c.Weights != "" {
		var err error
		if text, err = os.ReadFile(c.Weights); err != nil {
			return nil, nil, usage(&schemas.Fault{Where: c.Weights, What: "cannot be read", Cure: "write it with: sluice match train FILE -o " + c.Weights, Err: err})
		}
	}
	m, learned, err := match.Model(s.ctx, f, fields, text, c.Weights, region, p)
	if err != nil {
		return nil, nil, usage(err)
	}
	if c.Match != 0 {
		m.Match, m.Review = c.Match, min(m.Review, c.Match)
		if err := m.Compile(); err != nil {
			return nil, nil, usage(err)
		}
	}
	return m, learned, nil
}

// progress draws a bar on a terminal; elsewhere there is nothing to see. done
// takes it away.
func (s *session) progress() (p match.Progress, done func()) {
	if !isTerminal(s.stderr) {
		return func(string, int, int) {}, func() {}
	}
	last := time.Time{}
	return func(step string, n, of int) {
		if now := time.Now(); now.Sub(last) >= 100*time.Millisecond || n == of {
			last = now
			drawBar(s.stderr, step, n, of)
		}
	}, func() { fmt.Fprint(s.stderr, "\r\x1b[K") }
}

func drawBar(w io.Writer, step string, n, of int) {
	const width = 30
	full := width * n / max(of, 1)
	fmt.Fprintf(w, "\r\x1b[K%-9s %s%s %3d%%", step, strings.Repeat("█", full), strings.Repeat("░", width-full), 100*n/max(of, 1))
}

// showKinds prints what the columns were taken for.
func showKinds(w io.Writer, fields []domain.Field) error {
	t := newTable(w, "COLUMN", "KIND", "WHY")
	for _, f := range fields {
		t.row(f.Column, f.Kind, f.Why)
	}
	return t.flush()
}
