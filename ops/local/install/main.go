// Install puts the servers that the tests and the demo start on this machine,
// where they are missing: Debian packages, as root. It says each step on
// stderr, and elsewhere says what to install. A version of PostgreSQL, 13 to 18,
// comes from Maven Central and lies beside what is installed.
//
//	go run ./ops/local/install postgres redis kafka postgis mysql mariadb mysql-or-mariadb sysbench postgres-17
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"sluice/ops/local"
)

func main() {
	if err := install(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "install:", err)
		os.Exit(1)
	}
}

func install(names []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var parts []local.Part
	for _, name := range names {
		parts = append(parts, local.Part(name))
	}
	return local.Ensure(ctx, func(line string) { fmt.Fprintln(os.Stderr, line) }, parts...)
}
