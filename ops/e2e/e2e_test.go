package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/ops/demo/audit"
	"sluice/ops/demo/erp"
	"sluice/ops/demo/world"
	"sluice/ops/local/localtest"
)

// binary is the sluice under test, built once.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "sluice-e2e-")
	if err == nil {
		binary = filepath.Join(dir, "sluice")
		build := exec.Command("go", "build", "-o", binary, "sluice/ops/cmd/sluice")
		build.Stderr = os.Stderr
		err = build.Run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "building sluice:", err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir) // a temporary directory
	os.Exit(code)
}

// stage is a world with its roles running and a load to put on it.
type stage struct {
	*world.World
	t     *testing.T
	roles map[string]*world.Proc
	load  *erp.Load
}

// newStage builds a world and starts the roles, each in its own process.
func newStage(t *testing.T, o world.Options, roles ...string) *stage {
	t.Helper()
	localtest.Postgres(t) // says why it skips where there is none
	if o.Apache {
		localtest.Apache(t)
	}
	o.Binary, o.Dir = binary, t.TempDir()
	if o.Seed == 0 {
		o.Seed = 7
	}
	w, err := world.New(t.Context(), o)
	t.Cleanup(func() {
		if err := w.Close(context.Background()); err != nil {
			t.Errorf("closing the world: %v", err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{World: w, t: t, roles: map[string]*world.Proc{}, load: &erp.Load{Seed: o.Seed, Customers: o.Customers, Rate: 150}}
	for _, role := range roles {
		p, err := w.Start(role)
		if err != nil {
			t.Fatal(err)
		}
		s.roles[role] = p
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			_ = p.Stop(ctx) // may have been killed on purpose
			if t.Failed() {
				t.Logf("the last words of sluice %s:\n%s", p.Role, p.Tail(25))
			}
		})
	}
	return s
}

// during puts the load on the ERP while fn runs.
func (s *stage) during(fn func()) {
	s.t.Helper()
	db, err := pgx.Connect(s.t.Context(), s.ERP())
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = db.Close(context.Background()) }()
	ctx, stop := context.WithCancel(s.t.Context())
	loaded := make(chan error, 1)
	go func() { loaded <- s.load.Run(ctx, db) }()
	fn()
	stop()
	if err := <-loaded; err != nil {
		s.t.Fatal(err)
	}
}

// drain waits until everything has arrived.
func (s *stage) drain(limit time.Duration) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), limit)
	defer cancel()
	wal, err := s.WAL(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	last := ""
	ok := poll(ctx, func() bool {
		var err error
		if last, err = s.Pending(ctx, wal); err != nil {
			last = err.Error()
			return false
		}
		return last == ""
	})
	if !ok {
		s.t.Fatalf("not everything arrived within %s: waiting for %s", limit, last)
	}
}

// audit fails the test unless every row arrived once, and returns the report.
func (s *stage) audit() *audit.Report {
	s.t.Helper()
	r, err := audit.Run(s.t.Context(), s.World)
	if err != nil {
		s.t.Fatal(err)
	}
	var table strings.Builder
	if err := errors.Join(r.Print(&table, false), r.Verdict()); err != nil {
		s.t.Errorf("%v%s", err, table.String())
	}
	s.t.Logf("%d rows changed by the load%s", s.load.Changes(), table.String())
	return r
}

// wait waits for a condition that comes about by itself.
func (s *stage) wait(what string, limit time.Duration, cond func() bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), limit)
	defer cancel()
	if !poll(ctx, cond) {
		s.t.Fatalf("not within %s: %s", limit, what)
	}
}

// pause lets the world run for a while: how long the world runs is the input of
// these tests, never what they wait for.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func poll(ctx context.Context, cond func() bool) bool {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if cond() {
			return true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
}

// number reads a number from the environment.
func number(name string, otherwise uint64) uint64 {
	n, err := strconv.ParseUint(os.Getenv(name), 10, 64)
	if err != nil {
		return otherwise
	}
	return n
}
