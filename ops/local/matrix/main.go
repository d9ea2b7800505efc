// Matrix runs tests against every version of PostgreSQL that sluice supports,
// fetching those that this machine lacks, and prints a table of the results. A
// version that cannot be had is named with the reason and fails nothing, except
// with REQUIRE_SERVICES=1.
//
//	go run ./ops/local/matrix [-versions 15,17] [-run REGEXP] ./capture/postgres ...
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/ops/local"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := matrix(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "matrix:", err)
		os.Exit(1)
	}
}

// outcome is one line of the table.
type outcome struct {
	version         int
	release         string
	passed, skipped int
	failed          []string
	took            time.Duration
	missing         error
}

func matrix(ctx context.Context) error {
	only := flag.String("versions", "", "major versions, such as 15,17; default all")
	run := flag.String("run", "", "the tests to run, as of go test")
	flag.Parse()
	versions, err := chosen(*only)
	if err != nil {
		return err
	}
	var all []outcome
	for _, v := range versions {
		o := outcome{version: v}
		if o.missing = local.Ensure(ctx, say, local.PartPostgresVersion(v)); o.missing == nil {
			if o.release, err = release(ctx, v); err != nil {
				return err
			}
			say(fmt.Sprintf("PostgreSQL %s: testing", o.release))
			if err := o.test(ctx, *run, flag.Args()); err != nil {
				return err
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		all = append(all, o)
	}
	return table(all)
}

func say(line string) { fmt.Fprintln(os.Stderr, line) }

func chosen(only string) ([]int, error) {
	if only == "" {
		return local.PostgresVersions(), nil
	}
	var out []int
	for text := range strings.SplitSeq(only, ",") {
		v, err := strconv.Atoi(text)
		if err != nil || !slices.Contains(local.PostgresVersions(), v) {
			return nil, fmt.Errorf("%q is none of the versions %v", text, local.PostgresVersions())
		}
		out = append(out, v)
	}
	return out, nil
}

// release starts the version and asks it what it is.
func release(ctx context.Context, version int) (_ string, err error) {
	pg, err := local.StartPostgres(ctx, local.PostgresOptions{Version: version})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, pg.Stop()) }()
	return pg.Release(ctx)
}

// test runs the tests against the version. The output of what fails goes to
// stderr.
func (o *outcome) test(ctx context.Context, run string, packages []string) error {
	args := []string{"test", "-json", "-count=1", "-timeout=10m"}
	if run != "" {
		args = append(args, "-run", run)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, packages...)...)
	cmd.Env = append(os.Environ(), fmt.Sprintf("SLUICE_POSTGRES=%d", o.version), "REQUIRE_SERVICES=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	o.read(bufio.NewScanner(out))
	err = cmd.Wait()
	o.took = time.Since(start)
	if err != nil && len(o.failed) == 0 {
		o.failed = append(o.failed, "go test: "+err.Error())
	}
	return nil
}

// read counts the events of go test -json.
func (o *outcome) read(lines *bufio.Scanner) {
	lines.Buffer(nil, 16<<20)
	said := map[string][]string{}
	for lines.Scan() {
		var e struct{ Action, Package, Test, Output string }
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			say(lines.Text()) // the compiler's words
			continue
		}
		name := strings.TrimPrefix(e.Package, "sluice/") + " " + e.Test
		switch {
		case e.Action == "output":
			said[name] = append(said[name], e.Output)
		case e.Action == "fail":
			say(strings.Join(said[name], ""))
			o.failed = append(o.failed, strings.TrimSpace(name))
		case e.Test == "":
		case e.Action == "pass":
			o.passed++
			delete(said, name)
		case e.Action == "skip":
			o.skipped++
			delete(said, name)
		}
	}
}

func table(all []outcome) error {
	fmt.Printf("%-10s  %-6s  %7s  %7s  %7s  %8s\n", "PostgreSQL", "result", "passed", "failed", "skipped", "seconds")
	failed, missing := 0, 0
	for _, o := range all {
		if o.missing != nil {
			missing++
			fmt.Printf("%-10d  %-6s  %s\n", o.version, "absent", o.missing)
			continue
		}
		result := "ok"
		if len(o.failed) > 0 {
			failed++
			result = "FAIL"
		}
		fmt.Printf("%-10s  %-6s  %7d  %7d  %7d  %8.1f\n", o.release, result, o.passed, len(o.failed), o.skipped, o.took.Seconds())
		for _, name := range o.failed {
			fmt.Printf("%-10s  failed: %s\n", "", name)
		}
	}
	switch {
	case failed > 0:
		return fmt.Errorf("%d of %d versions failed", failed, len(all))
	case missing == len(all), missing > 0 && os.Getenv("REQUIRE_SERVICES") == "1":
		return fmt.Errorf("%d of %d versions cannot be had", missing, len(all))
	}
	return nil
}
