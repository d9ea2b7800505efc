package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"

	"sluice/ops/local"
)

// part is one measurement with its own flags.
type part interface {
	flags(f *flag.FlagSet)
	run(ctx context.Context, binary string) (*report, error)
}

// partOf is a part by its name.
type partOf struct {
	name string
	new  func() part
}

var databases = map[string][]partOf{
	"postgres": {
		{"drain", func() part { return &drain{of: &postgresDrain{}} }},
		{"snapshot", func() part { return &snapshot{} }},
		{"latency", func() part { return &latency{} }},
	},
	"mysql":   {{"drain", func() part { return &drain{of: &mysqlDrain{flavour: local.FlavourMySQL}} }}},
	"mariadb": {{"drain", func() part { return &drain{of: &mysqlDrain{flavour: local.FlavourMariaDB}} }}},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := bench(ctx, os.Args[1:])
	stop()
	if errors.Is(err, errUsage) || errors.Is(err, flag.ErrHelp) {
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage")

// bench runs the parts that the arguments name: "postgres [part] [flags]". The
// flags of all parts are known when none is named.
func bench(ctx context.Context, args []string) error {
	usage := func() {
		for _, name := range slices.Sorted(maps.Keys(databases)) {
			names := make([]string, 0, len(databases[name]))
			for _, p := range databases[name] {
				names = append(names, p.name)
			}
			fmt.Fprintf(os.Stderr, "usage: bench %s [%s] [flags]; --help lists the flags\n", name, strings.Join(names, "|"))
		}
	}
	if len(args) == 0 || databases[args[0]] == nil {
		usage()
		return errUsage
	}
	name, parts := args[0], databases[args[0]]
	args = args[1:]
	only := ""
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		if only = args[0]; !slices.ContainsFunc(parts, func(p partOf) bool { return p.name == only }) {
			usage()
			return errUsage
		}
		args = args[1:]
	}
	f := flag.NewFlagSet(strings.TrimSpace("bench "+name+" "+only), flag.ContinueOnError)
	binary := f.String("binary", "bin/sluice", "the sluice to measure")
	output := f.String("o", "table", "table or json")
	var chosen []part
	for _, p := range parts {
		if only == "" || p.name == only {
			c := p.new()
			c.flags(f)
			chosen = append(chosen, c)
		}
	}
	if err := f.Parse(args); err != nil {
		return err
	}
	if *output != "table" && *output != "json" || f.NArg() > 0 {
		f.Usage()
		return errUsage
	}
	for _, p := range chosen {
		r, err := p.run(ctx, *binary)
		if err != nil {
			return err
		}
		if err := r.print(os.Stdout, *output); err != nil {
			return err
		}
	}
	return nil
}
