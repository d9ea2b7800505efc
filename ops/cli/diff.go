package cli

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/ops/config"
	"sluice/ops/rulesdiff"
	"sluice/ops/run"
	"sluice/ops/tap"
	"sluice/schemas"
	"sluice/schemas/registry"
	"sluice/stream"
	"sluice/stream/process"
	"sluice/stream/rules"
)

type diffCmd struct {
	Old    string `arg:"" name:"old" help:"The configuration as it is."`
	New    string `arg:"" name:"new" help:"The configuration as it shall be; its Kafka and registry are read."`
	Topic  string `required:"" predictor:"topic" placeholder:"TOPIC" help:"The raw topic whose records are compared."`
	Entity string `predictor:"entity" placeholder:"ENTITY" help:"The entity; default: each that both make from the topic."`
	From   string `default:"start" placeholder:"PLACE" help:"start, an offset, or -N for the last N of each partition."`
	Limit  int    `short:"n" default:"10000" placeholder:"N" help:"Stop after N records; 0: at the end of the topic."`
	format
}

// Help teaches the verb.
func (diffCmd) Help() string {
	return `Examples:

	sluice diff sluice.yaml next.yaml --topic erp.public.customers --limit 1000
	git show HEAD:sluice.yaml > old.yaml && sluice diff old.yaml sluice.yaml --topic erp.public.customers --from -5000 -o json

Runs both versions of the rules over the same records, and writes nothing. Shown are the fields that differ, with how many records and examples as partition/offset, and the records that one version delivers and the other filters or parks.

Exit codes, as of diff: 0 all records come out alike; 1 some do not; 2 it could not be compared.`
}

// Run runs the verb. Every error is exit code 2: 1 is the answer that they
// differ.
func (c *diffCmd) Run(s *session) error {
	different, err := c.compare(s)
	if err != nil {
		return usage(err)
	}
	if different {
		return coded{ExitError, errors.New("diff: the rules differ over these records")}
	}
	return nil
}

func (c *diffCmd) compare(s *session) (different bool, err error) {
	before, err := config.Loader{Needs: []string{"entities"}, Embedded: true}.Load(c.Old)
	if err != nil {
		return false, err
	}
	after, err := config.Loader{Needs: []string{"kafka", "registry", "entities"}}.Load(c.New)
	if err != nil {
		return false, err
	}
	diffs, err := c.diffs(before, after)
	if err != nil {
		return false, err
	}
	if err := run.AskKafka(s.ctx, after.Kafka); err != nil {
		return false, after.Place(err)
	}
	reg, err := after.Registry.Open(registry.WithLog(s.quiet()))
	if err != nil {
		return false, err
	}
	defer reg.Close()
	decoder := process.NewDecoder(reg)
	err = tap.Read(s.ctx, after.Kafka, c.Topic, tap.Span{From: c.From, Limit: c.Limit}, s.quiet(), func(r *kgo.Record) error {
		it := &stream.Item{Input: stream.Input{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Time: r.Timestamp, Key: r.Key, Value: r.Value}}
		if err := decoder.Decode(s.ctx, it); err != nil {
			return err
		}
		for _, d := range diffs {
			if err := d.Add(s.ctx, it); err != nil {
				return located(err, before, after, "entities."+d.Report().Entity)
			}
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	for _, d := range diffs {
		report := d.Report()
		different = different || report.Different()
		if c.json() {
			err = line(s.stdout, report)
		} else {
			err = printDiff(s, report)
		}
		if err != nil {
			return false, err
		}
	}
	return different, nil
}

// located gives the faults of rules that do not fit a table their places in the
// file of their version.
func located(err error, before, after *config.File, at string) error {
	unfit, ok := errors.AsType[*rulesdiff.Unfit](err)
	if !ok {
		return err
	}
	file, err := before, unfit.Err
	if unfit.New {
		file = after
	}
	if all := errors.Unwrap(err); all != nil {
		err = all // without the topic, which is given
	}
	return file.Locate(at, err)
}

// diffs are the entities to compare: the one that is named, or all that both
// files make from the topic.
func (c *diffCmd) diffs(before, after *config.File) ([]*rulesdiff.Diff, error) {
	var all []*rulesdiff.Diff
	for _, name := range slices.Sorted(maps.Keys(after.Entities)) {
		if c.Entity != "" && name != c.Entity || !makes(before, name, c.Topic) || !makes(after, name, c.Topic) {
			continue
		}
		was, err := rules.Compile(name, before.Entities[name].Rules)
		if err != nil {
			return nil, before.Locate("entities."+name, err)
		}
		is, err := rules.Compile(name, after.Entities[name].Rules)
		if err != nil {
			return nil, after.Locate("entities."+name, err)
		}
		all = append(all, rulesdiff.New(name, c.Topic, was, is))
	}
	if len(all) == 0 {
		what := "no entity is made from it in both files"
		if c.Entity != "" {
			what = "the entity " + c.Entity + " is not made from it in both files"
		}
		return nil, &schemas.Fault{Where: "--topic " + c.Topic, What: what, Cure: "see what is made from what: sluice check -c " + c.New}
	}
	return all, nil
}

func makes(f *config.File, entity, topic string) bool {
	e := f.Entities[entity]
	return e != nil && slices.Contains(e.Topics(), topic)
}

func printDiff(s *session, r rulesdiff.Report) error {
	colour := func(code, text string) string {
		if !isTerminal(s.stdout) || os.Getenv("NO_COLOR") != "" {
			return text
		}
		return code + text + "\x1b[0m"
	}
	fmt.Fprintf(s.stdout, "%s from %s: %d records, %d alike\n", colour("\x1b[1m", r.Entity), r.Topic, r.Records, r.Same)
	out := newTable(s.stdout, "  RULES", "DELIVERED", "DELETED", "FILTERED", "PARKED")
	for _, side := range []rulesdiff.Side{r.Old, r.New} {
		out.write([]string{"  " + side.Version, fmt.Sprint(side.Delivered), fmt.Sprint(side.Deleted), fmt.Sprint(side.Filtered), fmt.Sprint(side.Parked)})
	}
	if err := out.flush(); err != nil {
		return err
	}
	for _, d := range append(slices.Clone(r.Fates), r.Fields...) {
		fmt.Fprintf(s.stdout, "%s: %d %s\n", d.What, d.Count, plural(d.Count, "record", "records"))
		for _, e := range d.Examples {
			fmt.Fprintf(s.stdout, "  %-10s %s\n  %-10s %s\n", e.Record, colour("\x1b[31m", "- "+short(e.Old, 160)), "", colour("\x1b[32m", "+ "+short(e.New, 160)))
		}
	}
	return nil
}
