package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
)

func main() {
	if len(os.Args) < 2 || os.Args[1] != "postgres" {
		fmt.Fprintln(os.Stderr, "usage: bench postgres [--rows N] [--rounds N] [--binary PATH] [--profile FILE]")
		os.Exit(2)
	}
	b := postgresBench{}
	f := flag.NewFlagSet("postgres", flag.ExitOnError)
	f.IntVar(&b.rows, "rows", 1_000_000, "rows to insert and drain")
	f.IntVar(&b.rounds, "rounds", 3, "rounds; the median is what counts")
	f.StringVar(&b.binary, "binary", "bin/sluice", "the sluice to measure")
	f.StringVar(&b.profile, "profile", "", "write a CPU profile of the last round's capture to this file")
	_ = f.Parse(os.Args[2:]) // exits by itself
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := b.run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func median(xs []float64) float64 {
	s := slices.Sorted(slices.Values(xs))
	return s[len(s)/2]
}
