package cli

import (
	"os"
	"time"

	"sluice/ops/config"
	"sluice/ops/run"
)

// roleFlags are common to the verbs that run engines.
type roleFlags struct {
	Listen   string        `default:"127.0.0.1:9464" env:"SLUICE_LISTEN" placeholder:"ADDR" help:"Where to serve /metrics, /healthz and /readyz; \"off\" for nowhere."`
	PProf    bool          `name:"pprof" help:"Serve /debug/pprof there, too."`
	Wait     time.Duration `default:"15s" placeholder:"TIME" help:"How long Kafka and the registry may take to answer at the start."`
	Instance string        `env:"SLUICE_INSTANCE" placeholder:"NAME" help:"Tells this process from others of its role; the same over restarts. Default: the host's name."`
}

func (f roleFlags) options(s *session) run.Options {
	if f.Instance == "" {
		f.Instance, _ = os.Hostname() // the kernel always has one
	}
	return run.Options{
		Listen: f.Listen, PProf: f.PProf, Wait: f.Wait, Instance: f.Instance,
		Version: s.version, Log: s.log(),
	}
}

// needs are the paths of the configuration that a role needs: its own names,
// or the whole block.
func needs(block string, names []string) []string {
	paths := []string{"kafka", "registry"}
	if block != "captures" {
		paths = append(paths, "redis")
	}
	if len(names) == 0 {
		return append(paths, block)
	}
	for _, n := range names {
		paths = append(paths, block+"."+n)
	}
	return paths
}

const drains = `

The first SIGINT or SIGTERM drains: what is in hand is finished and committed. The second abandons it (exit 130); it is read again at the next start.`

type captureCmd struct {
	Names      []string `arg:"" optional:"" name:"name" predictor:"capture" help:"Captures to read; default: all."`
	Resnapshot bool     `help:"Ignore the saved position and read all rows anew."`
	TakeOver   bool     `help:"Take the capture from a process at work, which then ends, instead of standing by."`
	roleFlags
}

// Help teaches the verb.
func (captureCmd) Help() string {
	return "Example:\n\n\tsluice capture erp --listen 127.0.0.1:9464\n\nA second process of the same capture stands by (/readyz says so) and takes over when the first is gone." + drains
}

// Run runs the verb.
func (c *captureCmd) Run(s *session) error {
	f, err := s.load(needs("captures", c.Names)...)
	if err != nil {
		return err
	}
	o := c.options(s)
	o.Resnapshot, o.TakeOver = c.Resnapshot, c.TakeOver
	return run.Capture(s.ctx, f, o, c.Names...)
}

type streamCmd struct {
	Names []string `arg:"" optional:"" name:"name" predictor:"entity" help:"Entities to make; default: all."`
	roleFlags
}

// Help teaches the verb.
func (streamCmd) Help() string {
	return "Example:\n\n\tsluice stream customer --instance stream-1\n\nProcesses of the same entity share its partitions." + drains
}

// Run runs the verb.
func (c *streamCmd) Run(s *session) error {
	f, err := s.load(needs("entities", c.Names)...)
	if err != nil {
		return err
	}
	return run.Stream(s.ctx, f, c.options(s), c.Names...)
}

type sinkCmd struct {
	Names []string `arg:"" optional:"" name:"name" predictor:"sink" help:"Sinks to deliver to; default: all."`
	roleFlags
}

// Help teaches the verb.
func (sinkCmd) Help() string {
	return "Example:\n\n\tsluice sink crm\n\nProcesses of the same sink share its partitions." + drains
}

// Run runs the verb.
func (c *sinkCmd) Run(s *session) error {
	f, err := s.load(needs("sinks", c.Names)...)
	if err != nil {
		return err
	}
	return run.Sink(s.ctx, f, c.options(s), c.Names...)
}

type runCmd struct {
	Embedded string `placeholder:"DIR" type:"path" help:"Start an embedded Kafka and registry in this process, with their data in DIR. For a configuration without kafka.brokers."`
	roleFlags
}

// Help teaches the verb.
func (runCmd) Help() string {
	return "Example, with nothing else running but the database:\n\n\tsluice run --config sluice.yaml --embedded ./data" + drains
}

// Run runs the verb.
func (c *runCmd) Run(s *session) error {
	f, err := config.Loader{Embedded: c.Embedded != ""}.Load(s.flags.Config)
	if err != nil {
		return usage(err)
	}
	o := c.options(s)
	if c.Embedded == "" {
		return run.All(s.ctx, f, o)
	}
	stop, err := embed(s.ctx, f, c.Embedded, o.Log)
	if err != nil {
		return err
	}
	defer stop()
	return run.All(s.ctx, f, o)
}
