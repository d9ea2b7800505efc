package demo

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// view shows how the pipeline is doing: on a terminal a few lines that are
// rewritten, elsewhere a line every few seconds.
type view struct {
	out   io.Writer
	tty   bool
	lines int
	last  time.Time
	quiet time.Duration
	// server holds the CRM's database.
	server string
}

func newView(out io.Writer) *view {
	f, ok := out.(*os.File)
	return &view{out: out, tty: ok && term.IsTerminal(int(f.Fd())), quiet: 5 * time.Second}
}

// status is one moment of the demo.
type status struct {
	phase            string
	draining         bool
	elapsed, total   time.Duration
	now, before      sample
	interval         time.Duration
	changes, sales   int64
	both             int64
	errs, cuts, slow int64
	pending          string
}

var breakers = map[float64]string{0: "closed", 1: "half open", 2: "OPEN"}

func (v *view) show(s status) {
	rate := func(a, b float64) string {
		return fmt.Sprintf("%.0f/s", max(0, a-b)/s.interval.Seconds())
	}
	clock := s.elapsed.Round(time.Second).String()
	if s.total > 0 {
		clock += " of " + s.total.String()
	}
	if !v.tty {
		if time.Since(v.last) < v.quiet {
			return
		}
		v.last = time.Now()
		fmt.Fprintf(v.out, "%s %s: captured erp %.0f (%s), crm %.0f (%s), delivered %.0f (%s), lag %.0f + %.0f, breaker %s, dead letters %.0f\n",
			s.phase, clock, s.now.captured["erp"], rate(s.now.captured["erp"], s.before.captured["erp"]),
			s.now.captured["crm"], rate(s.now.captured["crm"], s.before.captured["crm"]),
			s.now.delivered, rate(s.now.delivered, s.before.delivered),
			s.now.streamLag, s.now.sinkLag, breakers[s.now.breaker], s.now.parked)
		return
	}
	captured := func(name string) string {
		return fmt.Sprintf("%9.0f records  %8s   %.1fs behind the source", s.now.captured[name], rate(s.now.captured[name], s.before.captured[name]), s.now.sourceLag[name])
	}
	rows := []string{
		fmt.Sprintf("%s  %s  %s", bold(s.phase), clock, s.bar()),
		fmt.Sprintf("  ERP          %9d rows changed, in PostgreSQL", s.changes),
		fmt.Sprintf("  CRM          %9d rows changed, in %s", s.sales, v.server),
		fmt.Sprintf("  both ways    %9d accounts changed          %d writes of ours came back and were stopped", s.both, s.now.stopped()),
		"  capture erp  " + captured("erp"),
		"  capture crm  " + captured("crm"),
		fmt.Sprintf("  stream       %9.0f records behind", s.now.streamLag),
		fmt.Sprintf("  sink         %9.0f delivered %7s   %.0f records behind, %.0f tries again", s.now.delivered, rate(s.now.delivered, s.before.delivered), s.now.sinkLag, s.now.retried),
		fmt.Sprintf("  CRM's API    %9d errors, %d resets, %d times \"slow down\"", s.errs, s.cuts, s.slow),
		fmt.Sprintf("  breaker      %9s             dead letters %.0f", breakers[s.now.breaker], s.now.parked),
	}
	if s.pending != "" {
		rows = append(rows, "  waiting for "+s.pending)
	}
	v.clear()
	for _, r := range rows {
		fmt.Fprintf(v.out, "%s\x1b[K\n", r)
	}
	v.lines = len(rows)
}

// clear moves the cursor back over what was shown last.
func (v *view) clear() {
	if v.lines > 0 {
		fmt.Fprintf(v.out, "\x1b[%dA\x1b[J", v.lines)
	}
	v.lines = 0
}

func (v *view) sayf(format string, args ...any) {
	fmt.Fprintf(v.out, format+"\n", args...)
}

// bar is how much of the time is over. What is left at the end is waited for.
func (s *status) bar() string {
	if s.draining {
		return ""
	}
	if s.total <= 0 {
		return "(Ctrl-C ends it)"
	}
	const width = 30
	n := int(min(1, float64(s.elapsed)/float64(s.total)) * width)
	return "[" + strings.Repeat("#", n) + strings.Repeat(".", width-n) + "]"
}

func bold(s string) string {
	if os.Getenv("NO_COLOR") != "" {
		return s
	}
	return "\x1b[1m" + s + "\x1b[0m"
}
