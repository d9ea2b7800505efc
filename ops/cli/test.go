package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"sluice/ops/cases"
	"sluice/ops/config"
	"sluice/schemas"
	"sluice/schemas/registry"
	"sluice/stream/rules"
)

type testCmd struct {
	Names   []string `arg:"" optional:"" name:"entity" predictor:"entity" help:"Entities to test; default: all."`
	Battery bool     `default:"true" negatable:"" help:"Also feed each mapping what real data has: NULL, blanks, emoji, invalid UTF-8, extreme numbers, leap days, hours that come twice."`
	JUnit   string   `name:"junit" placeholder:"FILE" help:"Write a report for a CI system, too."`
	format
}

// Help teaches the verb.
func (testCmd) Help() string {
	return `Examples:

	sluice test
	sluice test customer --no-battery
	sluice test -o json --junit report.xml

Cases stand beside the rules, under the entity's tests: or in a file that it names:

	tests:
	  tables:
	    erp.public.customers: {id: bigint primary key, name: varchar(80), status: text}
	  cases:
	    - name: names are trimmed
	      given: {id: 7, name: " Ada "}
	      expect: {full_name: Ada}            # these fields; all, with whole: true
	    - {given: {id: 7, status: test}, filtered: when}
	    - {given: {id: 7}, parked: the field full_name is required}
	    - {op: delete, given: {id: 7}, deleted: true}

Columns that no table declares come from the schema registry, if it answers. No Kafka and no database is needed.

The battery varies the row of the first case that expects an entity. That rows are parked is a finding, no failure: parking is what rules do with a value that they cannot take.

Exit codes: 0 every case passes; 1 a case fails, or a row crashed the rules; 2 the command line, the configuration or a suite is wrong, or there is nothing to test.`
}

// Run runs the verb.
func (c *testCmd) Run(s *session) error {
	f, err := config.Loader{Needs: append([]string{"-"}, needsEntities(c.Names)...), Embedded: true}.Load(s.flags.Config)
	if err != nil {
		return usage(err)
	}
	names, err := entityNames(f, c.Names)
	if err != nil {
		return usage(err)
	}
	t := &tester{session: s, file: f, battery: c.Battery, colour: isTerminal(s.stdout) && os.Getenv("NO_COLOR") == "", json: c.json()}
	defer t.close()
	for _, name := range names {
		if err := t.entity(name); err != nil {
			return usage(err)
		}
	}
	if len(t.results)+len(t.batteries) == 0 {
		return usage(&schemas.Fault{
			Where: "entities", What: "there is nothing to test: no entity has cases, and the columns of the tables are not known",
			Cure: "add tests: {tables: ..., cases: [...]} to an entity; see sluice test --help",
		})
	}
	if err := t.junit(c.JUnit); err != nil {
		return err
	}
	return t.verdict()
}

func needsEntities(names []string) []string {
	if len(names) == 0 {
		return []string{"entities"}
	}
	var paths []string
	for _, n := range names {
		paths = append(paths, "entities."+n)
	}
	return paths
}

// entityNames are the chosen entities, or all.
func entityNames(f *config.File, chosen []string) ([]string, error) {
	known := slices.Sorted(maps.Keys(f.Entities))
	if len(chosen) == 0 {
		return known, nil
	}
	for _, name := range chosen {
		if f.Entities[name] == nil {
			return nil, &schemas.Fault{Where: "entities." + name, What: "is not in the configuration", Cure: "there are: " + strings.Join(known, ", ")}
		}
	}
	return chosen, nil
}

// tester runs the suites of a file.
type tester struct {
	*session
	file                  *config.File
	battery, colour, json bool
	registry              *registry.Client
	away                  error // why the registry is not asked again
	results               []cases.Result
	batteries             []cases.Battery
}

func (t *tester) close() {
	if t.registry != nil {
		t.registry.Close()
	}
}

// entity runs the tests of one entity and prints what they show.
func (t *tester) entity(name string) error {
	at := "entities." + name
	e := t.file.Entities[name]
	r, err := rules.Compile(name, e.Rules)
	if err != nil {
		return t.file.Locate(at, err)
	}
	suite, err := t.file.Tests(name)
	if err != nil {
		return err
	}
	tables := map[string]*schemas.Table{}
	var unknown []string
	for _, topic := range r.Topics() {
		table, err := suite.Table(topic)
		if err == nil && table == nil {
			var why error
			if table, why = t.ask(topic); why != nil {
				unknown = append(unknown, fmt.Sprintf("%s: its columns are not known: no table of tests declares them, and %s", topic, oneLine(why.Error())))
				continue
			}
		}
		if err != nil {
			return err
		}
		if err := r.CompileAgainst(topic, table); err != nil {
			return t.file.Locate(at, err)
		}
		tables[topic] = table
	}
	if !t.json {
		fmt.Fprintf(t.stdout, "%s (rules %s)\n", t.paint("\x1b[1m", name), r.Version())
	}
	results := cases.Run(t.ctx, name, r, &suite.Suite, tables)
	for i := range results {
		results[i].Where = suite.Where(fmt.Sprintf("cases[%d]", i))
	}
	t.results = append(t.results, results...)
	if err := t.printCases(results); err != nil {
		return err
	}
	if !t.battery {
		return nil
	}
	for _, topic := range r.Topics() {
		if tables[topic] != nil {
			b := cases.RunBattery(t.ctx, name, topic, r, tables[topic], suite.Base(r, topic, tables))
			t.batteries = append(t.batteries, b)
			if err := t.printBattery(b); err != nil {
				return err
			}
		}
	}
	for _, why := range unknown {
		fmt.Fprintln(t.stderr, "sluice: no battery of "+why)
	}
	return nil
}

// registryPatience is how long the registry may take to tell a table's columns.
const registryPatience = 3 * time.Second

// ask asks the registry for the columns of a topic. One that does not answer is
// not asked again.
func (t *tester) ask(topic string) (*schemas.Table, error) {
	if t.file.Registry.URL == "" {
		return nil, errors.New("there is no registry")
	}
	if t.away != nil {
		return nil, t.away
	}
	if t.registry == nil {
		reg, err := t.file.Registry.Open()
		if err != nil {
			return nil, err
		}
		t.registry = reg
	}
	ctx, cancel := context.WithTimeout(t.ctx, registryPatience)
	defer cancel()
	if err := t.registry.Check(ctx); err != nil {
		t.away = err
		return nil, err
	}
	return cases.FromRegistry(ctx, t.registry, topic)
}

func (t *tester) junit(path string) error {
	if path == "" {
		return nil
	}
	file, err := os.Create(path)
	if err != nil {
		return usage(&schemas.Fault{Where: "--junit " + path, What: "cannot be written", Cure: "name a file in a folder that exists and may be written to", Err: err})
	}
	return errors.Join(cases.JUnit(file, t.results, t.batteries), file.Close())
}

// verdict is the last line, and the exit code.
func (t *tester) verdict() error {
	failed, crashed := 0, 0
	for _, r := range t.results {
		if !r.Passed {
			failed++
		}
	}
	for _, b := range t.batteries {
		crashed += b.Crashed
	}
	if !t.json {
		fmt.Fprintf(t.stdout, "%d %s, %d failed\n", len(t.results), plural(len(t.results), "case", "cases"), failed)
	}
	switch {
	case failed > 0:
		return coded{ExitError, fmt.Errorf("test: %d of %d cases failed", failed, len(t.results))}
	case crashed > 0:
		return coded{ExitError, fmt.Errorf("test: %d rows crashed the rules", crashed)}
	}
	return nil
}
