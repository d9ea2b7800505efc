package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// share is what a step of the way takes of a row's CPU time.
type share struct {
	Name   string  `json:"name"`
	Micros float64 `json:"microseconds_per_row"`
	Share  float64 `json:"share"`
}

// profile writes a CPU profile of so long of the capture to the file, and adds
// to the report where the time of the rows of that while went.
func profile(ctx context.Context, p *process, file string, last time.Duration, r *report) error {
	before := 0.0
	if _, err := p.until(ctx, func() (bool, error) { // past the start
		var err error
		before, err = p.records("c")
		return before > 0, err
	}); err != nil {
		return err
	}
	page, err := get(fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", p.listen, max(1, int(last.Seconds()))))
	if err != nil {
		return fmt.Errorf("profiling the capture: %w", err)
	}
	after, err := p.records("c")
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, page, 0o644); err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, "go", "tool", "pprof", "-traces", file).Output()
	if err != nil {
		return fmt.Errorf("reading the profile with go tool pprof: %w", err)
	}
	r.Profile, err = shares(out, after-before)
	return err
}

// steps are tried in this order on each function of a stack, from the function
// that ran to the one that called all: the first function that belongs to a step
// decides. Those of the runtime come first, as they run on behalf of any step.
var steps = []struct {
	name      string
	functions []string
}{
	{"garbage collector", []string{"runtime.gcBgMarkWorker", "runtime.gcAssistAlloc", "runtime.bgsweep", "runtime.bgscavenge", "runtime.gcStart", "runtime.gcDrain"}},
	{"read from MySQL", []string{"sluice/capture/mysql.(*wireConn)", "github.com/go-mysql-org/go-mysql"}},
	{"decode the binary log", []string{"sluice/capture/mysql"}},
	{"read from Postgres", []string{"sluice/capture/postgres.(*wire)", "github.com/jackc/pgx/v5/pgproto3", "github.com/jackc/pgx/v5/pgconn"}},
	{"decode pgoutput", []string{"sluice/capture/postgres"}},
	{"encode Avro", []string{"sluice/schemas/avro"}},
	{"queue and transactions", []string{"sluice/capture/pump"}},
	{"write to Kafka", []string{"github.com/twmb/franz-go/pkg/kgo.(*brokerCxn)", "github.com/twmb/franz-go/pkg/kgo.(*broker)"}},
	{"make Kafka batches", []string{"github.com/twmb/franz-go"}},
	{"metrics, asked for by this bench", []string{"net/http", "github.com/prometheus"}},
	{"Go scheduler", []string{"runtime.mcall", "runtime.schedule", "runtime.findRunnable", "runtime.mstart", "runtime.sysmon", "runtime.goexit0"}},
}

// shares sorts the samples of `go tool pprof -traces` into the steps. A sample
// is a line of its time and the function that ran, and lines of its callers.
func shares(traces []byte, rows float64) ([]share, error) {
	total := time.Duration(0)
	spent := map[string]time.Duration{}
	var took time.Duration
	var stack []string
	flush := func() {
		if len(stack) > 0 {
			spent[step(stack)] += took
			total += took
		}
		stack = stack[:0]
	}
	lines := bufio.NewScanner(bytes.NewReader(traces))
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "-----") {
			flush()
			continue
		}
		words := strings.Fields(line)
		if len(words) >= 2 && len(stack) == 0 {
			if d, err := time.ParseDuration(words[0]); err == nil {
				took, stack = d, append(stack, words[1])
			}
			continue
		}
		if len(words) > 0 && len(stack) > 0 {
			stack = append(stack, words[0])
		}
	}
	flush()
	if err := lines.Err(); err != nil || total == 0 || rows <= 0 {
		return nil, fmt.Errorf("the profile holds no samples of %.0f rows: %w", rows, err)
	}
	out := []share{}
	for name, d := range spent {
		out = append(out, share{Name: name, Micros: d.Seconds() * 1e6 / rows, Share: d.Seconds() / total.Seconds()})
	}
	slices.SortFunc(out, func(a, b share) int { return int(b.Micros*1e6 - a.Micros*1e6) })
	return append(out, share{Name: "all of it", Micros: total.Seconds() * 1e6 / rows, Share: 1}), nil
}

func step(stack []string) string {
	for _, function := range stack {
		for _, s := range steps {
			for _, f := range s.functions {
				if strings.HasPrefix(function, f) {
					return s.name
				}
			}
		}
	}
	return "the rest"
}
