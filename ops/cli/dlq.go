package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"sluice/ops/config"
	"sluice/ops/dlq"
	"sluice/ops/tap"
	"sluice/schemas"
)

type dlqCmd struct {
	List   dlqListCmd   `cmd:"" help:"List dead letters, oldest first."`
	Show   dlqShowCmd   `cmd:"" help:"Show one dead letter whole."`
	Replay dlqReplayCmd `cmd:"" help:"Send dead letters through again."`
}

// Help teaches the verb.
func (dlqCmd) Help() string {
	return "A dead letter is a record that could not be handled, with its original bytes and the reason. An outage makes none.\n\nExample:\n\n\tsluice dlq list crm --state parked"
}

// letterFilter chooses among dead letters.
type letterFilter struct {
	Reason string `placeholder:"R" help:"Only those with this reason."`
}

func (f letterFilter) keep(l *dlq.Letter) bool { return f.Reason == "" || l.Reason == f.Reason }

// letters reads the dead letters of the named topics, or all.
func (s *session) letters(f *config.File, names ...string) ([]*dlq.Letter, error) {
	cl, err := s.connect(f)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	topics, err := dlq.Topics(s.ctx, cl, names...)
	if err != nil {
		return nil, err
	}
	return dlq.List(s.ctx, f.Kafka, s.quiet(), topics)
}

type dlqListCmd struct {
	Names []string `arg:"" optional:"" name:"name" predictor:"sink" help:"Entities, sinks or dead letter topics; default: all."`
	State string   `enum:"parked,replayed,any" default:"any" placeholder:"S" help:"parked, replayed or any."`
	letterFilter
	format
}

// Help teaches the verb.
func (dlqListCmd) Help() string {
	return "Example:\n\n\tsluice dlq list crm --state parked --reason \"422\" -o json\n\nExit codes: 0 listed (none is fine); 1 not readable; 2 wrong usage or configuration."
}

type letterLine struct {
	ID       string          `json:"id"`
	Parked   string          `json:"parked"`
	State    string          `json:"state"`
	Key      json.RawMessage `json:"key"`
	Reason   string          `json:"reason"`
	Error    string          `json:"error"`
	Attempts int             `json:"attempts"`
	Status   string          `json:"status,omitempty"`
	Answer   string          `json:"answer,omitempty"`
	Source   string          `json:"source"`
}

func lineOf(s *session, d *tap.Decoder, l *dlq.Letter) letterLine {
	return letterLine{
		ID: l.ID(), Parked: l.Parked.UTC().Format(time.RFC3339), State: l.State, Key: d.Key(s.ctx, l.Key),
		Reason: l.Reason, Error: l.Error, Attempts: l.Attempts, Status: l.Status, Answer: l.Answer,
		Source: fmt.Sprintf("%s/%d/%d", l.SourceTopic, l.SourcePartition, l.SourceOffset),
	}
}

// Run runs the verb.
func (c *dlqListCmd) Run(s *session) error {
	f, err := s.load("kafka", "registry")
	if err != nil {
		return err
	}
	letters, err := s.letters(f, c.Names...)
	if err != nil {
		return err
	}
	d, closing, err := s.decoder(f)
	if err != nil {
		return err
	}
	defer closing()
	out := newTable(s.stdout, "ID", "PARKED", "STATE", "KEY", "REASON", "ATTEMPTS", "ERROR")
	for _, l := range letters {
		if !c.keep(l) || c.State != "any" && c.State != l.State {
			continue
		}
		v := lineOf(s, d, l)
		if c.json() {
			if err := line(s.stdout, v); err != nil {
				return err
			}
			continue
		}
		out.row(v.ID, v.Parked, v.State, short(string(v.Key), 32), v.Reason, v.Attempts, short(v.Error, 80))
	}
	if c.json() {
		return nil
	}
	if out.rows == 0 {
		_, err := fmt.Fprintln(s.stdout, "no dead letters")
		return err
	}
	return out.flush()
}

type dlqShowCmd struct {
	ID string `arg:"" help:"The id, as dlq list shows it: <topic>/<partition>/<offset>."`
	format
}

// Help teaches the verb.
func (dlqShowCmd) Help() string {
	return "Example:\n\n\tsluice dlq show dlq.sink.crm/0/12\n\nExit codes: 0 shown; 1 not readable, or there is none; 2 wrong usage or configuration."
}

// Run runs the verb.
func (c *dlqShowCmd) Run(s *session) error {
	topic, _, _, err := dlq.ParseID(c.ID)
	if err != nil {
		return usage(err)
	}
	f, err := s.load("kafka", "registry")
	if err != nil {
		return err
	}
	letters, err := s.letters(f, topic)
	if err != nil {
		return err
	}
	chosen, err := chooseIDs(letters, []string{c.ID})
	if err != nil {
		return err
	}
	l := chosen[0]
	d, closing, err := s.decoder(f)
	if err != nil {
		return err
	}
	defer closing()
	v, value := lineOf(s, d, l), d.Value(s.ctx, l.Value)
	if c.json() {
		return line(s.stdout, struct {
			letterLine
			Headers headers         `json:"headers"`
			Value   json.RawMessage `json:"value"`
		}{v, l.Headers, value})
	}
	out := newTable(s.stdout, "id", v.ID)
	for _, kv := range [][2]any{
		{"parked", v.Parked},
		{"state", v.State},
		{"reason", v.Reason},
		{"error", v.Error},
		{"attempts", v.Attempts},
		{"status", v.Status},
		{"answer", v.Answer},
		{"source", v.Source},
	} {
		out.row(kv[0], kv[1])
	}
	for _, h := range l.Headers {
		out.row("header "+h.Key, string(h.Value))
	}
	out.row("key", string(v.Key))
	out.row("value", string(value))
	return out.flush()
}

func chooseIDs(letters []*dlq.Letter, ids []string) ([]*dlq.Letter, error) {
	var chosen []*dlq.Letter
	for _, id := range ids {
		before := len(chosen)
		for _, l := range letters {
			if l.ID() == id {
				chosen = append(chosen, l)
			}
		}
		if len(chosen) == before {
			return nil, &schemas.Fault{Where: "dlq " + id, What: "there is no such dead letter", Cure: "see them with: sluice dlq list"}
		}
	}
	return chosen, nil
}

type dlqReplayCmd struct {
	IDs    []string `arg:"" optional:"" name:"id" help:"Ids, as dlq list shows them."`
	All    bool     `help:"All that are parked."`
	From   []string `placeholder:"NAME" help:"With --all or --reason: only of these entities, sinks or topics."`
	DryRun bool     `help:"Say what would be done, and do nothing."`
	Force  bool     `help:"Also those replayed before, and those that a newer delivery has overtaken."`
	Rate   float64  `placeholder:"N" help:"At most N a second."`
	letterFilter
	format
}

// Help teaches the verb.
func (dlqReplayCmd) Help() string {
	return `Examples:

	sluice dlq replay dlq.sink.crm/0/12
	sluice dlq replay --reason permanent --from crm --rate 10 --dry-run

The original record goes to the retry topic, which the same stream or sink reads beside its normal input. A dead letter of a sink is refused when the target has since got a newer state of its key.

Exit codes: 0 all were replayed; 1 an error, or one was refused; 2 wrong usage or configuration.`
}

// Run runs the verb.
func (c *dlqReplayCmd) Run(s *session) error {
	names := c.From
	switch {
	case len(c.IDs) == 0 && !c.All && c.Reason == "":
		return usage(&schemas.Fault{Where: "dlq replay", What: "nothing is chosen", Cure: "name ids, or use --all or --reason"})
	case len(c.IDs) > 0 && (c.All || c.Reason != "" || len(c.From) > 0):
		return usage(&schemas.Fault{Where: "dlq replay", What: "ids and --all, --reason or --from exclude one another", Cure: "choose by one of them"})
	}
	for _, id := range c.IDs {
		topic, _, _, err := dlq.ParseID(id)
		if err != nil {
			return usage(err)
		}
		names = append(names, topic)
	}
	f, err := s.load("kafka", "registry")
	if err != nil {
		return err
	}
	letters, err := s.letters(f, names...)
	if err != nil {
		return err
	}
	chosen, err := chooseIDs(letters, c.IDs)
	if err != nil {
		return err
	}
	if len(c.IDs) == 0 {
		for _, l := range letters {
			if c.keep(l) && (l.State == dlq.Parked || c.Force) {
				chosen = append(chosen, l)
			}
		}
	}
	return c.replay(s, f, chosen)
}

func (c *dlqReplayCmd) replay(s *session, f *config.File, chosen []*dlq.Letter) error {
	out := newTable(s.stdout, "ID", "OUTCOME")
	done, refused := 0, 0
	var broken error
	err := dlq.Replay(s.ctx, f.Kafka, s.quiet(), chosen, dlq.Options{DryRun: c.DryRun, Force: c.Force, Rate: c.Rate}, func(o dlq.Outcome) {
		what := "replayed"
		switch {
		case o.Refused != "":
			refused++
			what = "refused: " + o.Refused
		case c.DryRun:
			what = "would be replayed"
		}
		if o.Refused == "" {
			done++
		}
		if c.json() {
			broken = line(s.stdout, map[string]string{"id": o.Letter.ID(), "outcome": strings.SplitN(what, ":", 2)[0], "reason": o.Refused})
			return
		}
		out.row(o.Letter.ID(), what)
	})
	if !c.json() {
		if out.rows > 0 {
			broken = out.flush()
		}
		fmt.Fprintf(s.stdout, "%d replayed, %d refused%s\n", done, refused, map[bool]string{true: " (dry run: nothing was done)"}[c.DryRun])
	}
	switch {
	case err != nil:
		return err
	case broken != nil:
		return broken
	case refused > 0:
		return &schemas.Fault{Where: "dlq replay", What: fmt.Sprintf("%d were refused", refused), Cure: "use --force if you mean it"}
	}
	return nil
}
