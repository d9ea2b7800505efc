package cli

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"sluice/ops/config"
	"sluice/schemas"
	"sluice/stream/state"
)

type stateCmd struct {
	Show    stateShowCmd    `cmd:"" help:"Show what Redis remembers of golden records, partition by partition."`
	Rebuild stateRebuildCmd `cmd:"" help:"Restore what Redis remembers from the changelogs."`
}

// Help teaches the verb.
func (stateCmd) Help() string {
	return "What each source says of a golden record is remembered in Redis, and can be restored from the changelog sluice.state.<entity> at any time.\n\nExample:\n\n\tsluice state show customer"
}

type stateShowCmd struct {
	Entity string `arg:"" optional:"" predictor:"governed" help:"Default: all that have an authority block."`
	format
}

// Help teaches the verb.
func (stateShowCmd) Help() string {
	return `Example:

	sluice state show customer -o json

UP TO is the offset of contributions.<entity> up to which Redis has seen all, BEHIND how many offsets what is committed is ahead of it: more than 0 is restored with the next batch.

Exit codes: 0 shown; 1 not readable; 2 wrong usage or configuration.`
}

type stateRow struct {
	Entity    string `json:"entity"`
	Partition int32  `json:"partition"`
	Records   int64  `json:"records"`
	Bytes     int64  `json:"bytes"`
	UpTo      *int64 `json:"up_to"`
	Behind    int64  `json:"behind"`
}

// Run runs the verb.
func (c *stateShowCmd) Run(s *session) error {
	f, err := s.load("kafka", "registry", "redis")
	if err != nil {
		return err
	}
	entities, err := chooseGoverned(f, "state show", c.Entity)
	if err != nil {
		return err
	}
	m, err := s.memory(f)
	if err != nil {
		return err
	}
	defer m.close()
	out := newTable(s.stdout, "ENTITY", "PARTITION", "GOLDEN RECORDS", "BYTES", "UP TO", "BEHIND")
	for _, name := range entities {
		rows, err := c.rows(s, m, name)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if c.json() {
				if err := line(s.stdout, r); err != nil {
					return err
				}
				continue
			}
			upTo := ""
			if r.UpTo != nil {
				upTo = fmt.Sprint(*r.UpTo)
			}
			out.row(r.Entity, r.Partition, r.Records, r.Bytes, upTo, r.Behind)
		}
	}
	if c.json() {
		return nil
	}
	return out.flush()
}

func (c *stateShowCmd) rows(s *session, m *memory, entity string) ([]stateRow, error) {
	n, err := m.partitions(s.ctx, entity)
	if err != nil {
		return nil, err
	}
	table := m.table(s, entity)
	partitions := make([]int32, n)
	for i := range partitions {
		partitions[i] = int32(i)
	}
	sizes, err := table.Sizes(s.ctx, partitions...)
	if err != nil {
		return nil, redisAway(err)
	}
	rows := make([]stateRow, n)
	for i, size := range sizes {
		p := partitions[i]
		seen, err := table.Seen(s.ctx, p)
		if err != nil {
			return nil, fmt.Errorf("looking how far %s has come: %w", state.ChangelogTopic(entity), err)
		}
		rows[i] = stateRow{Entity: entity, Partition: p, Records: size.Records, Bytes: size.Bytes, Behind: max(0, seen-max(0, size.Next))}
		if size.Next >= 0 {
			rows[i].UpTo = &size.Next
		}
	}
	return rows, nil
}

func redisAway(err error) error {
	return &schemas.Fault{Where: "redis", What: "does not answer", Err: err, Cure: "see what is wrong with: sluice check --online"}
}

// chooseGoverned are the named entities, or all that are governed.
func chooseGoverned(f *config.File, verb string, names ...string) ([]string, error) {
	var chosen []string
	for _, name := range names {
		if name == "" {
			continue
		}
		if err := askGoverned(f, verb, name); err != nil {
			return nil, err
		}
		chosen = append(chosen, name)
	}
	if len(chosen) == 0 {
		chosen = governed(f)
	}
	if len(chosen) == 0 {
		return nil, usage(&schemas.Fault{Where: verb, What: "no entity has an authority block, so nothing is remembered", Cure: "add one under entities.<name>.authority"})
	}
	return chosen, nil
}

type stateRebuildCmd struct {
	Entities  []string `arg:"" optional:"" name:"entity" predictor:"governed" help:"Default: all that have an authority block."`
	Partition int32    `default:"-1" placeholder:"N" help:"Only this partition."`
	format
}

// Help teaches the verb.
func (stateRebuildCmd) Help() string {
	return `Example:

	sluice state rebuild customer --partition 3

It is safe while the pipeline runs: a partition is made anew beside the old one and put in its place at once, and a stage that works on it notices, and reads again.

Exit codes: 0 restored; 1 an error; 2 wrong usage or configuration.`
}

// Run runs the verb.
func (c *stateRebuildCmd) Run(s *session) error {
	f, err := s.load("kafka", "registry", "redis")
	if err != nil {
		return err
	}
	entities, err := chooseGoverned(f, "state rebuild", c.Entities...)
	if err != nil {
		return err
	}
	m, err := s.memory(f)
	if err != nil {
		return err
	}
	defer m.close()
	for _, name := range entities {
		if err := c.rebuild(s, m, name); err != nil {
			return err
		}
	}
	return nil
}

func (c *stateRebuildCmd) rebuild(s *session, m *memory, entity string) error {
	n, err := m.partitions(s.ctx, entity)
	if err != nil {
		return err
	}
	if int(c.Partition) >= n {
		return usage(&schemas.Fault{Where: "state rebuild --partition", What: fmt.Sprintf("%s has no partition %d", entity, c.Partition), Cure: fmt.Sprintf("name one from 0 to %d", n-1)})
	}
	ends, err := kadm.NewClient(m.kafka).ListEndOffsets(s.ctx, state.ChangelogTopic(entity))
	if err != nil {
		return fmt.Errorf("listing the ends of %s: %w", state.ChangelogTopic(entity), err)
	}
	table, drawn := m.table(s, entity), isTerminal(s.stderr)
	var records int64
	var told time.Time
	table.Progress = func(partition int32, offset, n int64) {
		records = n
		if !drawn || time.Since(told) < look/2 {
			return
		}
		told = time.Now()
		end, _ := ends.Lookup(state.ChangelogTopic(entity), partition)
		r := copying{}
		r.Rows, r.Estimate = offset+1, end.Offset
		fmt.Fprintf(s.stderr, "\r\x1b[K  %s/%d  %s  %s  %d records", entity, partition, r.bar(), r.share(), n)
	}
	for p := range int32(n) {
		if c.Partition >= 0 && p != c.Partition {
			continue
		}
		records = 0
		err := table.Restore(s.ctx, p)
		if drawn {
			fmt.Fprint(s.stderr, "\r\x1b[K")
		}
		if err != nil {
			return err
		}
		if c.json() {
			err = line(s.stdout, map[string]any{"entity": entity, "partition": p, "records": records})
		} else {
			_, err = fmt.Fprintf(s.stdout, "restored %s, partition %d, from %d records\n", entity, p, records)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// goldenID reads a record of the crosswalk.
func goldenID(value json.RawMessage) (string, error) {
	var r struct {
		GoldenID  string `json:"golden_id"`
		Undecoded string `json:"undecoded"`
		Error     string `json:"error"`
	}
	if err := json.Unmarshal(value, &r); err != nil {
		return "", fmt.Errorf("reading the crosswalk: %w", err)
	}
	if r.Undecoded != "" {
		return "", fmt.Errorf("reading the crosswalk: %s", r.Error)
	}
	return r.GoldenID, nil
}
