package cli

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"

	"github.com/alecthomas/kong"
	"github.com/willabides/kongplete"
	"golang.org/x/term"

	"sluice/ops/config"
	"sluice/ops/run"
	"sluice/ops/tap"
	"sluice/schemas/registry"
)

// root is the whole command line.
type root struct {
	Config   string `short:"c" default:"sluice.yaml" env:"SLUICE_CONFIG" placeholder:"FILE" help:"The configuration."`
	LogLevel string `default:"info" enum:"debug,info,warn,error" env:"SLUICE_LOG_LEVEL" placeholder:"LEVEL" help:"Least level to log: debug, info, warn or error."`

	Capture  captureCmd  `cmd:"" group:"pipeline" help:"Read databases and write their changes to Kafka."`
	Stream   streamCmd   `cmd:"" group:"pipeline" help:"Make entities from raw changes, by the rules."`
	Sink     sinkCmd     `cmd:"" group:"pipeline" help:"Deliver entities to their targets."`
	Run      runCmd      `cmd:"" group:"pipeline" help:"All three in one process."`
	Check    checkCmd    `cmd:"" group:"look" help:"Check the configuration and show what it moves where."`
	Test     testCmd     `cmd:"" group:"look" help:"Run the tests of the rules, and feed them what real data has."`
	Diff     diffCmd     `cmd:"" group:"look" help:"Show what another version of the rules would make of real records."`
	Doctor   doctorCmd   `cmd:"" group:"look" help:"Look at the health of the databases that are captured; each finding has its cure."`
	Grants   grantsCmd   `cmd:"" group:"look" help:"Print the least SQL that lets a capture read its database."`
	Lag      lagCmd      `cmd:"" group:"look" help:"Show how far each consumer is behind."`
	Tap      tapCmd      `cmd:"" group:"look" help:"Print a topic's records as JSON lines."`
	Position positionCmd `cmd:"" group:"look" help:"Show where the captures have got to."`
	Snapshot snapshotCmd `cmd:"" group:"look" help:"Copy tables again beside the stream, and pause, resume, cancel or watch snapshots."`
	DLQ      dlqCmd      `cmd:"" name:"dlq" group:"look" help:"List, show and replay dead letters."`
	Explain  explainCmd  `cmd:"" group:"look" help:"Show a golden record: what each source says of each field, which won, and why."`
	State    stateCmd    `cmd:"" group:"look" help:"Show what is remembered of golden records in Redis, or restore it."`
	Match    matchCmd    `cmd:"" group:"look" help:"Find duplicates in CSV files: learn weights, measure, add golden ids."`
	Demo     demoCmd     `cmd:"" group:"try" help:"Run the whole pipeline before your eyes, and compare every row."`
	Broker   brokerCmd   `cmd:"" group:"try" help:"Serve an embedded Kafka and schema registry, for trying things out."`

	Version    versionCmd    `cmd:"" group:"more" help:"Print the version."`
	Completion completionCmd `cmd:"" group:"more" help:"Print the shell code that completes sluice's verbs and flags."`
}

const description = `Move every change of a database to the systems that need it: in order, once, with an explanation.

Exit codes: 0 done; 1 an error while running; 2 the command line or the configuration is wrong; 3 not ready, or the lag is over the bound; 130 a second signal came while draining.`

// session is what every verb is given.
type session struct {
	ctx            context.Context
	stdout, stderr io.Writer
	version        string
	flags          *root
}

// exited carries the exit code that kong asks for out of its parser.
type exited int

// Run runs one command line and returns its exit code. The verbs drain when ctx
// ends.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer, version string) (code int) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case exited:
			code = int(p)
		default:
			panic(p)
		}
	}()
	flags := &root{}
	parser, err := kong.New(flags,
		kong.Name("sluice"), kong.Description(description), kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { panic(exited(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{NoExpandSubcommands: true, WrapUpperBound: 100}),
		kong.ExplicitGroups([]kong.Group{
			{Key: "pipeline", Title: "The pipeline:"},
			{Key: "look", Title: "Looking into it:"},
			{Key: "try", Title: "Trying it out:"},
			{Key: "more", Title: "More:"},
		}),
	)
	if err != nil {
		return report(stderr, err)
	}
	kongplete.Complete(parser, predictors()...)
	parsed, err := parser.Parse(args)
	if err != nil {
		return report(stderr, usage(parseError(err)))
	}
	s := &session{ctx, stdout, stderr, version, flags}
	err = parsed.Run(s)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return ExitOK // somebody pressed Ctrl-C on a verb that only reads
	}
	return report(stderr, err)
}

// log is the log of this process, on stderr.
func (s *session) log() *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(s.flags.LogLevel)) // kong has checked it
	tty := isTerminal(s.stderr)
	return run.NewLog(s.stderr, level, tty, tty && os.Getenv("NO_COLOR") == "")
}

// quiet is the log of a verb whose result is what counts: warnings only.
func (s *session) quiet() *slog.Logger {
	tty := isTerminal(s.stderr)
	return run.NewLog(s.stderr, slog.LevelWarn, tty, tty && os.Getenv("NO_COLOR") == "")
}

// load reads the configuration for the parts that are named.
func (s *session) load(needs ...string) (*config.File, error) {
	f, err := config.Loader{Needs: needs}.Load(s.flags.Config)
	return f, usage(err)
}

// decoder decodes records by the schemas of the registry; close frees it.
func (s *session) decoder(f *config.File) (d *tap.Decoder, closing func(), err error) {
	reg, err := f.Registry.Open(registry.WithLog(s.quiet()))
	if err != nil {
		return nil, nil, err
	}
	return tap.NewDecoder(reg), reg.Close, nil
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
