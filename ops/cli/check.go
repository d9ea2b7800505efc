package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"sluice/ops/config"
	"sluice/ops/run"
	"sluice/schemas"
	"sluice/stream/govern"
	"sluice/stream/rules"
	"sluice/stream/state"
)

type checkCmd struct {
	Online    bool          `help:"Also connect: to Kafka, to the registry, to Redis where the file names one, and to what each capture reads."`
	Wait      time.Duration `default:"10s" placeholder:"TIME" help:"With --online: how long each may take to answer."`
	Schema    bool          `help:"Print the JSON Schema of the configuration instead, for editors."`
	Functions bool          `help:"Print the functions that expressions have instead."`
	format
}

// Help teaches the verb.
func (checkCmd) Help() string {
	return `Examples:

	sluice check
	sluice check --online -o json
	sluice check --schema > sluice.schema.json
	sluice check --functions

Every mistake is one line with file, line, column, path and cure; nothing is connected to without --online. Columns and their types are known where an entity's tests declare the tables.
A way on which fields come back to the entity that they left is shown, and refused where the fields have no owner.

Exit codes: 0 it is well; 1 something does not answer (--online); 2 the configuration is wrong.`
}

// part is one line of the table: what is read from where, and written to where.
type part struct {
	Part string   `json:"part"`
	Name string   `json:"name"`
	Kind string   `json:"kind"`
	From []string `json:"from"`
	To   []string `json:"to"`
}

// Run runs the verb.
func (c *checkCmd) Run(s *session) error {
	if c.Schema {
		schema, err := config.Schema()
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(s.stdout, "%s\n", schema)
		return err
	}
	if c.Functions {
		return c.functions(s)
	}
	f, err := s.load()
	if err != nil {
		return err
	}
	faults := run.Check(f)
	if len(faults) == 0 {
		faults = checkTests(f)
	}
	if len(faults) > 0 {
		return usage(errors.Join(faults...))
	}
	if err := c.print(s, f); err != nil {
		return err
	}
	if !c.Online {
		return nil
	}
	return c.online(s, f)
}

// checkTests looks at the tests of each entity, and whether its rules fit the
// tables that they declare. The rules must compile.
func checkTests(f *config.File) (faults []error) {
	for _, name := range slices.Sorted(maps.Keys(f.Entities)) {
		at := "entities." + name
		suite, err := f.Tests(name)
		if err != nil {
			faults = append(faults, config.Flatten(err)...)
			continue
		}
		r, err := rules.Compile(name, f.Entities[name].Rules)
		if err != nil {
			faults = append(faults, config.Flatten(f.Locate(at, err))...)
			continue
		}
		for _, topic := range r.Topics() {
			table, err := suite.Table(topic)
			if err == nil && table != nil {
				err = f.Locate(at, r.CompileAgainst(topic, table))
			}
			faults = append(faults, config.Flatten(err)...)
		}
	}
	return faults
}

// functions prints what expressions have beside CEL's own.
func (c *checkCmd) functions(s *session) error {
	if !c.json() {
		_, err := fmt.Fprint(s.stdout, rules.Reference())
		return err
	}
	for _, f := range rules.Functions() {
		if err := line(s.stdout, f); err != nil {
			return err
		}
	}
	return nil
}

func (c *checkCmd) print(s *session, f *config.File) error {
	out := newTable(s.stdout, "PART", "NAME", "KIND", "FROM", "TO")
	for _, p := range parts(f) {
		if c.json() {
			if err := line(s.stdout, p); err != nil {
				return err
			}
			continue
		}
		out.row(p.Part, p.Name, p.Kind, strings.Join(p.From, ", "), strings.Join(p.To, ", "))
	}
	if c.json() {
		return c.loops(s, f)
	}
	if err := out.flush(); err != nil {
		return err
	}
	return c.loops(s, f)
}

// way is a way on which fields come back to the entity that they left; an owner
// stops each of them.
type way struct {
	Part   string   `json:"part"`
	Entity string   `json:"entity"`
	Fields []string `json:"fields"`
	Path   string   `json:"path"`
}

// loops shows the ways on which fields come back.
func (c *checkCmd) loops(s *session, f *config.File) error {
	all := f.Loops()
	if len(all) == 0 {
		return nil
	}
	if !c.json() {
		fmt.Fprintln(s.stdout)
	}
	out := newTable(s.stdout, "LOOP", "FIELDS", "PATH")
	for _, l := range all {
		if c.json() {
			if err := line(s.stdout, way{"loop", l.Entity, l.Fields, l.Path}); err != nil {
				return err
			}
			continue
		}
		out.row(l.Entity, strings.Join(l.Fields, ", "), l.Path)
	}
	if c.json() {
		return nil
	}
	return out.flush()
}

func parts(f *config.File) []part {
	var all []part
	for _, name := range slices.Sorted(maps.Keys(f.Captures)) {
		p := part{Part: "capture", Name: name, To: []string{name + ".*"}}
		switch c := f.Captures[name]; {
		case c.Postgres != nil:
			p.Kind, p.From = "postgres", c.Postgres.Tables
		case c.MySQL != nil:
			p.Kind, p.From = "mysql", c.MySQL.Tables
		}
		if p.From != nil {
			p.To = nil
		}
		for _, t := range p.From {
			p.To = append(p.To, name+"."+t)
		}
		all = append(all, p)
	}
	for _, name := range slices.Sorted(maps.Keys(f.Entities)) {
		e := f.Entities[name]
		p := part{"entity", name, fmt.Sprintf("rules v%d", e.Rules.Version), e.Topics(), []string{config.EntityTopic(name)}}
		if e.Authority == nil {
			all = append(all, p)
			continue
		}
		p.To = []string{config.ContributionsTopic(name)}
		kind := "authority " + strings.Join(e.Authority.Owners, " > ")
		if len(e.Authority.Owners) == 0 {
			kind = "authority " + string(e.Authority.Survivorship)
		}
		all = append(all, p, part{"entity", config.Governed(name), kind, p.To, []string{
			config.EntityTopic(name), rules.CrosswalkTopic(name), govern.ReviewTopic(name), state.ChangelogTopic(name),
		}})
	}
	for _, name := range slices.Sorted(maps.Keys(f.Sinks)) {
		sink := f.Sinks[name]
		p := part{Part: "sink", Name: name, From: sink.Topics()}
		if sink.API != nil {
			p.Kind, p.To = "api", []string{sink.API.URL}
		}
		all = append(all, p)
	}
	return all
}

// online asks everything that can be asked, and reports all that does not
// answer.
func (c *checkCmd) online(s *session, f *config.File) error {
	var errs []error
	say := func(what string, err error) {
		if err != nil {
			errs = append(errs, f.Place(err))
			return
		}
		fmt.Fprintf(s.stderr, "%s answers\n", what)
	}
	reg, err := run.Reach(s.ctx, f, c.Wait, s.quiet())
	if err == nil {
		reg.Close()
	}
	say("Kafka and the schema registry", err)
	if f.Redis.Set() {
		say("Redis", c.redis(s, f))
	}
	for _, name := range slices.Sorted(maps.Keys(f.Captures)) {
		ctx, cancel := context.WithTimeout(s.ctx, c.Wait)
		asked, err := run.CheckCapture(ctx, f, name, s.quiet())
		cancel()
		if asked || err != nil {
			say("capture "+name, err)
		}
	}
	return errors.Join(errs...)
}

// redis asks the Redis of the file.
func (c *checkCmd) redis(s *session, f *config.File) error {
	client, err := f.Redis.Open()
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }() // it only asked
	ctx, cancel := context.WithTimeout(s.ctx, c.Wait)
	defer cancel()
	if err := client.Ping(ctx).Err(); err != nil {
		return &schemas.Fault{Where: "redis", What: "does not answer", Err: err, Cure: "start it, or mend address, user, password and TLS of the redis block"}
	}
	return nil
}
