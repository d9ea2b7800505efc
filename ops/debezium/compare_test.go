package debezium

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"sluice/ops/local/localtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// prefix is the capture's name and Debezium's topic.prefix.
const prefix = "erp"

// barrier is the table whose rows tell how far a connector has come.
const barrier = "public.barrier"

// tables are those of the script that are captured.
var tables = []string{
	"public.numbers", "public.texts", "public.times", "public.arrays", "public.others", "public.defaults", "public.computed_defaults", "public.required", "public.keyless", "public.composite",
	"public.full_identity", "public.by_index", "public.unique_only", "public.toasted", "Odd-Schema.Ta.b le", "public.changing",
	"public.empty", "public.parted", "public.generated", barrier,
}

// TestRawTopicsAreDebeziums runs the script under both connectors and compares
// what they wrote.
func TestRawTopicsAreDebeziums(t *testing.T) {
	dsn := localtest.Database(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, p := range paragraphs(t, "testdata/before.sql") {
		execute(t, conn, p)
	}

	theirs, ours := startDebezium(ctx, t, dsn), startOurs(ctx, t, dsn)
	both := func(found func(*Record) bool) []*Record {
		t.Helper()
		if _, err := ours.said.wait(ctx, found); err != nil {
			t.Fatal(err)
		}
		all, err := theirs.wait(ctx, found)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	both(func(r *Record) bool { return says(t, r, ".source.snapshot", `"last"`) })
	rows := 0
	wait := func() []*Record {
		t.Helper()
		rows++
		execute(t, conn, "INSERT INTO barrier DEFAULT VALUES")
		return both(func(r *Record) bool {
			return r.Topic == prefix+"."+barrier && says(t, r, ".after.id", strconv.Itoa(rows))
		})
	}
	for _, p := range paragraphs(t, "testdata/after.sql") {
		if p == waitMark {
			wait()
		} else {
			execute(t, conn, p)
		}
	}
	wait()
	// Behind its last row the last transaction has an END.
	ends := func() func(*Record) bool {
		n := 0
		return func(r *Record) bool {
			if says(t, r, ".data_collections["+barrier+"].event_count", "1") {
				n++
			}
			return n == rows
		}
	}
	if _, err := ours.said.wait(ctx, ends()); err != nil {
		t.Fatal(err)
	}
	b, err := theirs.wait(ctx, ends())
	if err != nil {
		t.Fatal(err)
	}
	a := ours.all(ctx, t)

	c := comparison{t: t, schemas: map[[2]string]bool{}}
	ourTopics, theirTopics := topics(a), topics(slices.DeleteFunc(b, keylessTombstone))
	names := map[string]bool{}
	for name := range ourTopics {
		names[name] = true
	}
	for name := range theirTopics {
		names[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		c.topic(name, ourTopics[name], theirTopics[name])
	}
	report(t, c.unexplained())
	t.Logf("compared %d records of %d topics", len(b), len(names))
}

// says reports whether a record's value holds that at the path.
func says(t *testing.T, r *Record, path, what string) bool {
	t.Helper()
	return r.Value != nil && must(flattenValue(r.Value))(t)[path] == what
}
