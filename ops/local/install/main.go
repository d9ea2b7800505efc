// Install puts the servers that the tests and the demo start on this machine,
// where they are missing: Debian packages, as root. It says each step on
// stderr, and elsewhere says what to install.
//
//	go run ./ops/local/install postgres redis kafka
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"sluice/ops/local"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var parts []local.Part
	for _, name := range os.Args[1:] {
		parts = append(parts, local.Part(name))
	}
	say := func(line string) { fmt.Fprintln(os.Stderr, line) }
	if err := local.Ensure(ctx, say, parts...); err != nil {
		fmt.Fprintln(os.Stderr, "install:", err)
		os.Exit(1)
	}
}
