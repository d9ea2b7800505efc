package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/capture"
	"sluice/capture/capturetest"
	"sluice/schemas"
)

// gauges are the values of the source's metrics, counters too, by name and status.
func gauges(t *testing.T, s *Source) map[string]float64 {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	if err := reg.Register(s); err != nil {
		t.Fatal(err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := strings.TrimPrefix(f.GetName(), "sluice_postgres_")
			for _, l := range m.GetLabel() {
				if l.GetName() != "capture" {
					name += " " + l.GetValue()
				}
			}
			out[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue() // it is one of them
		}
	}
	return out
}

// soon waits until ok.
func soon(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline, tick := time.After(time.Minute), time.NewTicker(10*time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited too long for: %s", what)
		}
	}
}

// writes makes about that much log, of a table that is not captured.
func (b *bed) writes(t *testing.T, bytes int) {
	t.Helper()
	b.exec(t, fmt.Sprintf("INSERT INTO noise SELECT repeat(md5(i::text), 250) FROM generate_series(1, %d) i", bytes/8000))
}

// noisyBed is a bed with a table of the capture, and one that only makes log:
// its values do not compress.
func noisyBed(t *testing.T) *bed {
	b := newBed(t)
	b.exec(t, "CREATE TABLE items (id int PRIMARY KEY); CREATE TABLE noise (pad text); ALTER TABLE noise ALTER pad SET STORAGE EXTERNAL")
	return b
}

func TestMetricsFollowTheSlot(t *testing.T) {
	b := noisyBed(t)
	c := b.config("public.items")
	c.MaxWAL, c.Heartbeat = 1<<30, 20*time.Millisecond
	s := b.source(t, c)
	s.watchEvery = 10 * time.Millisecond
	if got := gauges(t, s); len(got) != 0 {
		t.Errorf("before it is open: %v", got)
	}
	r := capturetest.Open(t, s, "")
	r.Next()
	r.Next()
	b.writes(t, 4<<20)
	soon(t, "the lag of what was written", func() bool {
		g := gauges(t, s)
		return g["slot_lag_bytes"] > 3<<20 && g["wal_retained_bytes"] >= g["slot_lag_bytes"] && g["slot_lag_seconds"] > 0 &&
			g["wal_status reserved"] == 1 && g["wal_status lost"] == 0 && g["wal_budget_ratio"] > 0
	})
	if skew, ok := gauges(t, s)["clock_skew_seconds"]; !ok || max(skew, -skew) > 5 {
		t.Errorf("the clocks of one host differ by %v s (%v)", skew, ok)
	}
	// An idle consumer that acknowledges takes the lag away.
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			batch, err := s.Next(ctx)
			if err != nil {
				return
			}
			_ = s.Ack(ctx, batch.Position) // a lost one shows as lag
		}
	}()
	soon(t, "the lag to go", func() bool {
		g := gauges(t, s)
		return g["slot_lag_bytes"] < 1<<20
	})
	stop()
	<-ended
	r.Close()
	if got := gauges(t, s); len(got) != 0 {
		t.Errorf("after it was closed: %v", got)
	}
}

func TestAgeOfTheLog(t *testing.T) {
	m := newMetrics("erp")
	start := time.Unix(1000, 0)
	at := func(second int, now, confirmed lsn) time.Duration {
		c := logPlace(confirmed)
		return m.age(&slotState{now: now, Confirmed: &c, ours: start.Add(time.Duration(second) * time.Second)})
	}
	for i, step := range []struct {
		second         int
		now, confirmed lsn
		want           time.Duration
	}{
		{0, 100, 100, 0},
		{10, 200, 100, 0}, // first seen now
		{20, 300, 100, 10 * time.Second},
		{30, 300, 200, 10 * time.Second}, // what came at 20 is the oldest
		{40, 300, 300, 0},
	} {
		if got := at(step.second, step.now, step.confirmed); got != step.want {
			t.Errorf("step %d: %s, want %s", i, got, step.want)
		}
	}
	for i := range 3 * maxMarks {
		at(100+i, lsn(1000+i), 300)
	}
	if n := len(m.written); n > maxMarks {
		t.Errorf("%d marks are kept", n)
	}
	if got := at(100+3*maxMarks, 1<<20, 300); got != 3*maxMarks*time.Second {
		t.Errorf("after many marks the age is %s, want %s", got, 3*maxMarks*time.Second)
	}
}

// held opens a source with a budget of 32 MB that nobody reads.
func held(t *testing.T, b *bed, on string, log io.Writer) (*Source, *capturetest.Reader) {
	t.Helper()
	c := b.config("public.items")
	c.OnMaxWAL = on
	s := b.source(t, c)
	s.cfg.MaxWAL = 32 << 20 // less than Validate takes
	s.watchEvery = 10 * time.Millisecond
	if log != nil {
		s.log = slog.New(slog.NewTextHandler(log, nil))
	}
	b.exec(t, "INSERT INTO items VALUES (1)")
	r := capturetest.Open(t, s, "")
	r.Read(1)
	return s, r
}

// lines is a log that may be read while it is written.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.b.String(), text)
}

func TestBudgetWarnsThenPausesThenStops(t *testing.T) {
	b := noisyBed(t)
	log := &lines{}
	s, r := held(t, b, Stop, log)
	if s.paused() || log.has("keeps much of its log") {
		t.Fatal("it paused or warned with nothing written")
	}
	b.writes(t, 18<<20)
	soon(t, "the warning", func() bool { return log.has("keeps much of its log") })
	if s.paused() {
		t.Error("a snapshot is paused at half of the budget")
	}
	b.writes(t, 8<<20)
	soon(t, "the pause", s.paused)
	if err := s.judged(nil); err != nil {
		t.Fatalf("stopped below the budget: %v", err)
	}
	b.writes(t, 10<<20)
	soon(t, "the stop", func() bool { return s.verdict.Load() != nil })
	_, err := s.Next(t.Context())
	var f *schemas.Fault
	if !errors.As(err, &f) || f.Where != "captures.erp.postgres.max_wal" || !strings.Contains(f.Cure, "pg_drop_replication_slot") || !strings.Contains(f.Cure, "--resnapshot") {
		t.Errorf("the end is %v", err)
	}
	at := r.Last()
	r.Close()
	b.idle(t)
	if b.ask(t, fmt.Sprintf("SELECT count(*) FROM pg_replication_slots WHERE slot_name = '%s'", b.slot)) != "1" {
		t.Fatal("the slot is gone")
	}
	// Started again over its budget it may catch up.
	b.exec(t, "INSERT INTO items VALUES (2)")
	if got := capturetest.Open(t, s, at).Read(1); got[0].Text != "c items => {id: 2}" {
		t.Errorf("after the stop came %s", got[0].Text)
	}
}

func TestBudgetDropsTheSlotOfAHeldCapture(t *testing.T) {
	b := noisyBed(t)
	s, r := held(t, b, Drop, nil)
	b.writes(t, 40<<20)
	soon(t, "the slot to be dropped", func() bool {
		return b.ask(t, fmt.Sprintf("SELECT count(*) FROM pg_replication_slots WHERE slot_name = '%s'", b.slot)) == "0"
	})
	_, err := s.Next(t.Context())
	var f *schemas.Fault
	if !errors.As(err, &f) || !strings.Contains(err.Error(), "was dropped so that the database survives") || !strings.Contains(f.Cure, "--resnapshot") {
		t.Errorf("the end is %v", err)
	}
	r.Close()
	wantFault(t, s, r.Last(), "is gone", "--resnapshot")
}

func TestBudgetStartsOver(t *testing.T) {
	b := noisyBed(t)
	s, r := held(t, b, Resnapshot, nil)
	b.exec(t, "INSERT INTO items VALUES (7)")
	b.writes(t, 40<<20)
	soon(t, "the slot to be dropped", func() bool {
		return b.ask(t, fmt.Sprintf("SELECT count(*) FROM pg_replication_slots WHERE slot_name = '%s'", b.slot)) == "0"
	})
	_, err := s.Next(t.Context())
	var f *schemas.Fault
	if !errors.Is(err, capture.ErrLost) || errors.As(err, &f) {
		t.Fatalf("the end is %v, want one that is opened again", err)
	}
	at := r.Last()
	r.Close()
	again := capturetest.Open(t, s, at)
	got := map[string]bool{}
	for len(got) < 2 {
		for _, c := range again.Next() {
			got[c.Text] = true
		}
	}
	if !got["r items => {id: 1}"] || !got["r items => {id: 7}"] {
		t.Errorf("the new snapshot brought %v", got)
	}
}
