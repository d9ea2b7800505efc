package cli

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/schemas"
)

const positionsTopic = "sluice.positions"

type positionCmd struct {
	Show positionShowCmd `cmd:"" default:"withargs" help:"Show the saved positions."`
}

type positionShowCmd struct {
	Names []string `arg:"" optional:"" name:"capture" predictor:"capture" help:"Captures to show; default: all that ever saved one."`
	format
}

// Help teaches the verb.
func (positionShowCmd) Help() string {
	return `Example:

	sluice position show erp -o json

A position is what the source resumes from: everything before it is in Kafka. SAVED is when it was committed.

Exit codes: 0 shown; 1 not readable, or a capture has none; 2 wrong usage or configuration.`
}

type savedPosition struct {
	Capture string          `json:"capture"`
	Saved   time.Time       `json:"saved"`
	Value   json.RawMessage `json:"value"`
}

// Run runs the verb.
func (c *positionShowCmd) Run(s *session) error {
	f, err := s.load("kafka", "registry")
	if err != nil {
		return err
	}
	cl, err := s.connect(f)
	if err != nil {
		return err
	}
	cl.Close()
	saved := map[string]savedPosition{}
	err = f.Kafka.ReadToEnd(s.ctx, s.quiet(), func(r *kgo.Record) error {
		if r.Value == nil {
			delete(saved, string(r.Key))
			return nil
		}
		value := json.RawMessage(r.Value)
		if !json.Valid(value) {
			value, _ = json.Marshal(string(r.Value)) // a string always has a form in JSON
		}
		saved[string(r.Key)] = savedPosition{string(r.Key), r.Timestamp.UTC(), value}
		return nil
	}, positionsTopic)
	if err != nil {
		return err
	}
	names := c.Names
	if len(names) == 0 {
		names = slices.Sorted(maps.Keys(saved))
	}
	out := newTable(s.stdout, "CAPTURE", "SAVED", "POSITION")
	for _, name := range names {
		p, ok := saved[name]
		if !ok {
			return &schemas.Fault{
				Where: "capture " + name, What: "has saved no position yet", Cure: "start it with: sluice capture " + name,
			}
		}
		if c.json() {
			if err := line(s.stdout, p); err != nil {
				return err
			}
			continue
		}
		out.row(p.Capture, p.Saved.Format(time.RFC3339), positionText(p.Value))
	}
	if c.json() {
		return nil
	}
	return out.flush()
}

// positionText is the position alone where the value is an object that has one.
func positionText(value json.RawMessage) string {
	var in struct {
		Position json.RawMessage `json:"position"`
	}
	if json.Unmarshal(value, &in) != nil || in.Position == nil {
		return string(value)
	}
	var text string
	if json.Unmarshal(in.Position, &text) == nil {
		return text
	}
	return string(in.Position)
}
