package cli

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"sluice/stream/kafka"
)

// look is how often --wait looks at the saved position.
const look = time.Second

// wait goes on until the capture has obeyed the signal of that number and no
// snapshot of the tables is left. On a terminal it draws how far they are.
func (c *snapshotCmd) wait(s *session, kc *kafka.Config, number int64) error {
	began, tick := time.Now(), time.NewTicker(look)
	defer tick.Stop()
	bars := &bars{out: s.stderr, drawn: isTerminal(s.stderr)}
	for {
		now, err := c.copies(s, kc)
		if err != nil {
			return err
		}
		bars.clear()
		left := slices.DeleteFunc(slices.Clone(now.tables), func(r copying) bool { return r.State == copied })
		if now.obeyed >= number && len(left) == 0 {
			took := time.Since(began).Round(100 * time.Millisecond)
			if c.json() {
				return line(s.stdout, map[string]any{"capture": c.Capture, "complete": true, "seconds": took.Seconds()})
			}
			_, err := fmt.Fprintf(s.stdout, "no snapshot of capture %s is left after %s\n", c.Capture, took)
			return err
		}
		bars.draw(left, now.obeyed >= number)
		select {
		case <-tick.C:
		case <-s.ctx.Done():
			return s.ctx.Err()
		}
	}
}

// bars are the snapshots under way, drawn over what was drawn before.
type bars struct {
	out   io.Writer
	drawn bool // onto a terminal; else there is nothing to see
	lines int
	last  map[string]int64
}

func (b *bars) clear() {
	if b.lines > 0 {
		fmt.Fprintf(b.out, "\x1b[%dA\x1b[J", b.lines)
	}
	b.lines = 0
}

func (b *bars) draw(left []copying, obeyed bool) {
	if !b.drawn {
		return
	}
	var text bytes.Buffer
	if !obeyed {
		fmt.Fprintln(&text, "waiting for the capture to take it up; does it run?")
	}
	out := newTable(&text)
	rows := map[string]int64{}
	for _, r := range left {
		name := r.Table + r.Where
		rate := "-"
		if before, ok := b.last[name]; ok && r.Rows >= before {
			rate = fmt.Sprintf("%.0f rows/s", float64(r.Rows-before)/look.Seconds())
		}
		rows[name] = r.Rows
		out.row("  "+r.Table, r.State, r.bar(), r.share(), fmt.Sprintf("%d rows", r.Rows), rate)
	}
	b.last = rows
	_ = out.flush() // into memory
	b.lines = strings.Count(text.String(), "\n")
	_, _ = b.out.Write(text.Bytes()) // the terminal is gone
}

// share is how much is done in percent, where that is known.
func (r *copying) share() string {
	if r.Estimate <= 0 {
		return "-"
	}
	return fmt.Sprintf("%d%%", min(100, r.Rows*100/r.Estimate))
}
