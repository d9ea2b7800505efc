package cli

import (
	"fmt"
	"os"
	"time"
)

type matchTrainCmd struct {
	matchFile
	Output string `short:"o" type:"path" placeholder:"FILE" help:"Where to write the weights; by default they are printed."`
}

// Help teaches the verb.
func (matchTrainCmd) Help() string {
	return `Examples:

	sluice match train people.csv -o weights.yaml
	sluice match train people.csv --column ref=ignore --region GB -o weights.yaml

The weights say, for each comparison, how often duplicates agree (m) and how often others do (u). They are learned by expectation maximisation from the records alone. Keep the file under version control; it lists the common values of the columns, no rare ones.`
}

// Run runs the verb.
func (c *matchTrainCmd) Run(s *session) error {
	f, fields, err := c.open("")
	if err != nil {
		return err
	}
	began := time.Now()
	p, done := s.progress()
	m, learned, err := (&matchWeights{}).model(s, f, fields, c.Region, p)
	done()
	if err != nil {
		return err
	}
	text, err := m.YAML()
	if err != nil {
		return err
	}
	if c.Output == "" {
		_, err := s.stdout.Write(text)
		return err
	}
	if err := os.WriteFile(c.Output, text, 0o600); err != nil {
		return fmt.Errorf("writing the weights: %w", err)
	}
	if err := showKinds(s.stdout, fields); err != nil {
		return err
	}
	t := newTable(s.stdout, "", "COMPARISON", "LEVEL", "M", "U", "BITS")
	for _, c := range m.Comparisons {
		for _, l := range c.Levels {
			t.row(" ", c.Name, l.Level, l.M, l.U, fmt.Sprintf("%+.1f", l.Bits()))
		}
	}
	fmt.Fprintln(s.stdout)
	if err := t.flush(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.stdout, "\n%d rows, %d pairs in blocks, %d rounds, %.1f s: two records at random are one with probability %.2g\n",
		f.Len(), learned.Pairs, learned.Rounds, time.Since(began).Seconds(), learned.Prior)
	return err
}
