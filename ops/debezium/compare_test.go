package debezium

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/ops/local"
	"sluice/ops/local/localtest"
)

const prefix = "erp"

// tables are what the script makes.
var tables = []string{"*.*"}

func TestReference(t *testing.T) {
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
	theirs := startDebezium(ctx, t, dsn)
	if _, err := theirs.wait(ctx, func(r *Record) bool { return strings.Contains(string(r.Value.Connect), `"snapshot":"last"`) }); err != nil {
		t.Fatal(err)
	}
	for _, p := range paragraphs(t, "testdata/after.sql") {
		if p != waitMark {
			execute(t, conn, p)
		}
	}
	all, err := theirs.wait(ctx, func(r *Record) bool { return r.Topic == prefix+".public.barrier" })
	if err != nil {
		t.Fatal(err)
	}
	f, _ := os.Create("/tmp/dbz/out.txt")
	defer f.Close()
	cs := codecs{}
	seen := map[string]bool{}
	for _, r := range all {
		fmt.Fprintln(f, "=====", r.Topic)
		for name, p := range map[string]*Part{"key": r.Key, "value": r.Value} {
			if p == nil {
				fmt.Fprintln(f, name, "null")
				continue
			}
			if !seen[p.Schema] {
				seen[p.Schema] = true
				fmt.Fprintln(f, name, "SCHEMA", p.Schema)
			}
			l, err := cs.flattenValue(p)
			if err != nil {
				fmt.Fprintln(f, name, "ERR", err, string(p.Connect))
				continue
			}
			for _, k := range slices.Sorted(maps.Keys(l)) {
				if !strings.HasSuffix(k, ":") {
					fmt.Fprintln(f, name, k, l[k])
				}
			}
		}
		for _, h := range r.Headers {
			fmt.Fprintln(f, "header", h.Name, h.Value.Schema, string(h.Value.Connect))
		}
	}
}

func startDebezium(ctx context.Context, t *testing.T, dsn string) *records {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(ctx)
	dir := t.TempDir()
	c, err := Start(ctx, dir, map[string]string{
		"name": prefix, "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
		"offset.storage": "org.apache.kafka.connect.storage.FileOffsetBackingStore", "offset.storage.file.filename": dir + "/offsets",
		"offset.flush.interval.ms": "1000",
		"topic.prefix": prefix, "plugin.name": "pgoutput", "slot.name": "debezium", "publication.name": "debezium", "publication.autocreate.mode": "filtered",
		"database.hostname": u.Hostname(), "database.port": u.Port(), "database.user": u.User.Username(), "database.password": "x", "database.dbname": strings.TrimPrefix(u.Path, "/"),
		"schema.name.adjustment.mode": "avro", "field.name.adjustment.mode": "avro",
		"skipped.operations": "none", "poll.interval.ms": "20", "provide.transaction.metadata": "true",
		"publish.via.partition.root": "true",
	})
	if errors.Is(err, local.ErrMissing) && os.Getenv("REQUIRE_SERVICES") != "1" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	out := newRecords()
	var joined sync.WaitGroup
	joined.Go(func() {
		for {
			r, err := c.Next()
			out.add(r, err)
			if err != nil {
				return
			}
		}
	})
	t.Cleanup(func() {
		stop()
		joined.Wait()
		c.Wait()
	})
	return out
}
