package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/ops/config"
	"sluice/ops/run"
	"sluice/schemas"
	"sluice/stream/kafka"
)

type lagCmd struct {
	Names []string `arg:"" optional:"" name:"name" help:"Entities, sinks or whole group names; default: all of the configuration."`
	Max   int64    `default:"-1" placeholder:"N" help:"Exit with 3 if more than N records are left in any partition."`
	format
}

// Help teaches the verb.
func (lagCmd) Help() string {
	return `Example, in a script that waits until everything is delivered:

	until sluice lag --max 0 >/dev/null; do sleep 1; done

LAG is 0 exactly if nothing is left to read. COMMITTED is "-" where the group has committed nothing yet. The table leaves out partitions that never had a record; -o json has them.

Exit codes: 0 the lag is known and within --max; 1 it could not be read; 2 wrong usage or configuration; 3 it is over --max.`
}

type lagRow struct {
	Group     string `json:"group"`
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Committed *int64 `json:"committed"`
	End       int64  `json:"end"`
	Lag       int64  `json:"lag"`
}

// Run runs the verb.
func (c *lagCmd) Run(s *session) error {
	f, err := s.load("kafka", "registry")
	if err != nil {
		return err
	}
	groups, err := groupsOf(f, c.Names)
	if err != nil {
		return usage(err)
	}
	cl, err := s.connect(f)
	if err != nil {
		return err
	}
	defer cl.Close()
	out := newTable(s.stdout, "GROUP", "TOPIC", "PARTITION", "COMMITTED", "END", "LAG")
	worst := int64(0)
	for _, g := range slices.Sorted(maps.Keys(groups)) {
		rows, err := kafka.Lag(s.ctx, cl, g, groups[g]...)
		if err != nil {
			return fmt.Errorf("reading the lag of %s: %w", g, err)
		}
		for _, r := range rows {
			worst = max(worst, r.Lag)
			row := lagRow{g, r.Topic, r.Partition, &r.Committed, r.End, r.Lag}
			committed := fmt.Sprint(r.Committed)
			if r.Committed < 0 {
				row.Committed, committed = nil, ""
			}
			if c.json() {
				if err := line(s.stdout, row); err != nil {
					return err
				}
				continue
			}
			if r.End > 0 || r.Committed >= 0 {
				out.row(g, r.Topic, r.Partition, committed, r.End, r.Lag)
			}
		}
	}
	if !c.json() {
		if err := out.flush(); err != nil {
			return err
		}
	}
	if c.Max >= 0 && worst > c.Max {
		return coded{ExitNotReady, &schemas.Fault{Where: "lag", What: fmt.Sprintf("%d records are left in a partition, more than %d", worst, c.Max)}}
	}
	return nil
}

// groupsOf are the consumer groups of the configuration with their topics.
func groupsOf(f *config.File, names []string) (map[string][]string, error) {
	all := map[string][]string{}
	for name, e := range f.Entities {
		all["sluice.stream."+name] = append(e.Topics(), "retry.stream."+name)
		if e.Authority != nil {
			second := config.Governed(name)
			all["sluice.stream."+second] = []string{config.ContributionsTopic(name), "retry.stream." + second}
		}
	}
	for name, s := range f.Sinks {
		all["sluice.sink."+name] = append(s.Topics(), "retry.sink."+name)
	}
	if len(names) == 0 {
		return all, nil
	}
	chosen := map[string][]string{}
	for _, name := range names {
		before := len(chosen)
		for group, topics := range all {
			if group == name || strings.TrimPrefix(group, "sluice.stream.") == name || strings.TrimPrefix(group, "sluice.sink.") == name {
				chosen[group] = topics
			}
		}
		if len(chosen) == before {
			return nil, &schemas.Fault{
				Where: "lag " + name, What: "no entity, sink or group of the configuration has that name",
				Cure: "there are: " + strings.Join(slices.Sorted(maps.Keys(all)), ", "),
			}
		}
	}
	return chosen, nil
}

// connect returns a client of a Kafka that answers.
func (s *session) connect(f *config.File) (*kgo.Client, error) {
	if err := run.AskKafka(s.ctx, f.Kafka); err != nil {
		return nil, f.Place(err)
	}
	opts, err := f.Kafka.Options("sluice.cli", s.quiet())
	if err != nil {
		return nil, err
	}
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("opening a client of kafka: %w", err)
	}
	return cl, nil
}
