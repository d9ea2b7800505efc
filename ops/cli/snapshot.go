package cli

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/capture"
	"sluice/capture/pump"
	"sluice/schemas"
	"sluice/stream/kafka"
)

type snapshotCmd struct {
	Capture string   `arg:"" predictor:"capture" help:"The capture."`
	Tables  []string `arg:"" optional:"" name:"table" help:"Tables to copy, or to cancel, as schema.table."`
	Where   string   `placeholder:"SQL" help:"Copy only the rows of which this condition is true."`
	Pause   bool     `xor:"action" help:"Let the capture's snapshots wait."`
	Resume  bool     `xor:"action" help:"Let them go on."`
	Cancel  bool     `xor:"action" help:"End snapshots that were asked for; of all tables, or of those named."`
	Status  bool     `xor:"action" help:"Show how far the snapshots are; also what is shown if no table is named."`
	Wait    bool     `short:"w" help:"Go on until the snapshots are complete, with a progress bar on a terminal."`
	format
}

// Help teaches the verb.
func (snapshotCmd) Help() string {
	return `Example, to send all orders of this year once more:

	sluice snapshot erp public.orders --where "created_at >= '2026-01-01'"

The running capture reads the rows beside its stream, without locks, and hands them out as op r; a row that changes meanwhile comes by its event. The command waits for Kafka to take the wish, not for the copy, except with --wait; elsewhere watch it with --status. A capture that is stopped obeys when it runs again.

Exit codes: 0 done; 1 Kafka does not answer, or the capture has no position; 2 wrong usage or configuration.`
}

// Run runs the verb.
func (c *snapshotCmd) Run(s *session) error {
	f, err := s.load("kafka", "registry")
	if err != nil {
		return err
	}
	if _, ok := f.Captures[c.Capture]; !ok {
		return usage(&schemas.Fault{Where: "capture " + c.Capture, What: "is not in the configuration", Cure: "name one of captures"})
	}
	signal := capture.Signal{Tables: c.Tables, Where: c.Where}
	switch {
	case c.Pause:
		signal.Action = capture.PauseCopies
	case c.Resume:
		signal.Action = capture.ResumeCopies
	case c.Cancel:
		signal.Action = capture.CancelCopies
	case len(c.Tables) > 0 && !c.Status:
		signal.Action = capture.CopyTables
	}
	if c.Where != "" && signal.Action != capture.CopyTables {
		return usage(&schemas.Fault{Where: "--where", What: "goes with tables to copy", Cure: "name a table, or leave it out"})
	}
	cl, err := s.connect(f)
	if err != nil {
		return err
	}
	defer cl.Close()
	if signal.Action == "" {
		if c.Wait {
			return c.wait(s, &f.Kafka, -1)
		}
		return c.status(s, &f.Kafka)
	}
	kc := f.Kafka
	kc.Topics.Partitions = 1
	if err := kc.Ensure(s.ctx, cl, false, pump.SignalsTopic); err != nil {
		return err
	}
	value, err := json.Marshal(signal)
	if err != nil {
		return fmt.Errorf("encoding the signal: %w", err)
	}
	record := &kgo.Record{Topic: pump.SignalsTopic, Key: []byte(c.Capture), Value: value}
	if err := cl.ProduceSync(s.ctx, record).FirstErr(); err != nil {
		return fmt.Errorf("writing to topic %q: %w", pump.SignalsTopic, err)
	}
	if c.json() {
		err = line(s.stdout, map[string]any{"capture": c.Capture, "action": signal.Action, "number": record.Offset})
	} else {
		_, err = fmt.Fprintf(s.stdout, "asked capture %s: %s; watch it with: sluice snapshot %s --status\n",
			c.Capture, strings.Join(append([]string{signal.Action}, c.Tables...), " "), c.Capture)
	}
	if err != nil || !c.Wait {
		return err
	}
	return c.wait(s, &f.Kafka, record.Offset)
}

// copied is the state of a table whose snapshot is complete.
const copied = "copied"

// copying is a line of the status.
type copying struct {
	Table    string `json:"table"`
	Where    string `json:"where,omitempty"`
	State    string `json:"state"`
	Rows     int64  `json:"rows"`
	Estimate int64  `json:"estimate,omitempty"`
}

// bar draws how much is done, where that is known.
func (r *copying) bar() string {
	if r.Estimate <= 0 {
		return "-"
	}
	const width = 20
	done := int(min(width, r.Rows*width/r.Estimate))
	return "[" + strings.Repeat("#", done) + strings.Repeat(".", width-done) + "]"
}

// copies are the snapshots of a capture as its position tells of them.
type copies struct {
	tables []copying
	// obeyed is the number of the last signal obeyed; -1: none.
	obeyed int64
}

// copies reads them, of the tables that were named.
func (c *snapshotCmd) copies(s *session, kc *kafka.Config) (copies, error) {
	var value json.RawMessage
	err := kc.ReadToEnd(s.ctx, s.quiet(), func(r *kgo.Record) error {
		if string(r.Key) == c.Capture {
			value = r.Value
		}
		return nil
	}, positionsTopic)
	if err != nil {
		return copies{}, err
	}
	if value == nil {
		return copies{}, &schemas.Fault{Where: "capture " + c.Capture, What: "has saved no position yet", Cure: "start it with: sluice capture " + c.Capture}
	}
	out, err := copiesIn(value)
	if err != nil {
		return copies{}, &schemas.Fault{Where: "the saved position of capture " + c.Capture, What: "says nothing of snapshots", Err: err, Cure: "see it with: sluice position show " + c.Capture}
	}
	out.tables = slices.DeleteFunc(out.tables, func(r copying) bool { return len(c.Tables) > 0 && !slices.Contains(c.Tables, r.Table) })
	return out, nil
}

func (c *snapshotCmd) status(s *session, kc *kafka.Config) error {
	now, err := c.copies(s, kc)
	if err != nil {
		return err
	}
	out := newTable(s.stdout, "TABLE", "STATE", "ROWS", "OF ABOUT", "DONE")
	for _, r := range now.tables {
		if c.json() {
			if err := line(s.stdout, r); err != nil {
				return err
			}
			continue
		}
		out.row(r.Table, r.State, r.Rows, r.Estimate, r.bar())
	}
	if c.json() {
		return nil
	}
	return out.flush()
}

// copiesIn reads the progress of snapshots out of a saved position.
func copiesIn(value json.RawMessage) (copies, error) {
	var in struct {
		Position struct {
			Copies struct {
				Tables  []string `json:"tables"`
				Paused  bool     `json:"paused"`
				Signals int64    `json:"signals"`
				Runs    []struct {
					copying
					Ranges []json.RawMessage `json:"ranges"`
				} `json:"runs"`
			} `json:"copies"`
		} `json:"position"`
	}
	if err := json.Unmarshal(value, &in); err != nil {
		return copies{}, err
	}
	saved := in.Position.Copies
	out := copies{obeyed: saved.Signals - 1}
	for _, r := range saved.Runs {
		row := r.copying
		switch {
		case saved.Paused:
			row.State = "paused"
		case len(r.Ranges) > 0 || row.Rows > 0:
			row.State = "running"
		default:
			row.State = "waiting"
		}
		out.tables = append(out.tables, row)
	}
	for _, t := range saved.Tables {
		if !slices.ContainsFunc(out.tables, func(r copying) bool { return r.Table == t }) {
			out.tables = append(out.tables, copying{Table: t, State: copied})
		}
	}
	return out, nil
}
