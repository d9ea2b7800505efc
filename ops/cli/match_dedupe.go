package cli

import (
	"bufio"
	"fmt"
	"io"
	"os"

	"sluice/ops/match"
)

type matchDedupeCmd struct {
	matchFile
	matchWeights
	Output string `short:"o" type:"path" placeholder:"FILE" help:"Where to write the CSV; by default it is printed."`
}

// Help teaches the verb.
func (matchDedupeCmd) Help() string {
	return `Examples:

	sluice match dedupe people.csv -o people-golden.csv
	sluice match dedupe people.csv --weights weights.yaml --match 0.99 > people-golden.csv

Each row gets golden_id, the same for all rows of one entity; probability, that it belongs there; verdict: match, review or new; and review_with, the golden id that a doubtful row may belong to.`
}

// Run runs the verb.
func (c *matchDedupeCmd) Run(s *session) error {
	f, fields, err := c.open("")
	if err != nil {
		return err
	}
	p, done := s.progress()
	m, _, err := c.model(s, f, fields, c.Region, p)
	if err != nil {
		done()
		return err
	}
	found, err := match.Match(s.ctx, f, m, p)
	done()
	if err != nil {
		return err
	}
	w := s.stdout
	var file *os.File
	if c.Output != "" {
		if file, err = os.Create(c.Output); err != nil {
			return fmt.Errorf("writing the rows: %w", err)
		}
		w = file
	}
	buffered := bufio.NewWriter(w)
	if err := match.Write(buffered, f, found); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("writing the rows: %w", err)
	}
	if file != nil {
		if err := file.Close(); err != nil {
			return fmt.Errorf("writing the rows: %w", err)
		}
	}
	summary := s.stderr
	if file != nil {
		summary = s.stdout
	} else if !isTerminal(s.stderr) {
		return nil
	}
	return summarise(summary, found)
}

// summarise says in a line what became of the rows.
func summarise(w io.Writer, found *match.Matched) error {
	_, err := fmt.Fprintf(w, "%d rows became %d golden records; %d rows are doubtful\n", len(found.Records), len(found.Index.All()), len(found.Doubtful))
	return err
}
