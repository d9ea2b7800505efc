// Sluice moves every change of a company's databases to the systems that need
// it. See `sluice --help`.
package main

import (
	"context"
	"fmt"
	"os"

	"sluice/ops/cli"
	"sluice/ops/run"
)

// version is set by the build: -ldflags "-X main.version=...".
var version = "dev"

func main() {
	ctx, stop := run.Signals(context.Background(), func() {
		fmt.Fprintln(os.Stderr, "sluice: abandoned: a second signal came before the drain was done; what was not committed is read again at the next start")
		os.Exit(run.ExitAbandoned)
	})
	code := cli.Run(ctx, os.Args[1:], os.Stdout, os.Stderr, version)
	stop()
	os.Exit(code)
}
