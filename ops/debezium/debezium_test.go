package debezium

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"sluice/ops/local"
)

// startDebezium runs Debezium's connector on the tables, all options at their
// defaults but those that are named here. Without Java the test is skipped.
func startDebezium(ctx context.Context, t *testing.T, dsn string) *records {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(tables))
	for i, table := range tables {
		names[i] = regexp.QuoteMeta(table)
	}
	ctx, stop := context.WithCancel(ctx)
	dir := t.TempDir()
	c, err := Start(ctx, dir, map[string]string{
		"name":                         prefix,
		"connector.class":              "io.debezium.connector.postgresql.PostgresConnector",
		"offset.storage":               "org.apache.kafka.connect.storage.FileOffsetBackingStore",
		"offset.storage.file.filename": filepath.Join(dir, "offsets"),
		"topic.prefix":                 prefix,
		"plugin.name":                  "pgoutput",
		"slot.name":                    "debezium",
		"publication.name":             "debezium",
		"publication.autocreate.mode":  "filtered",
		"publish.via.partition.root":   "true",
		"table.include.list":           strings.Join(names, ","),
		"database.hostname":            u.Hostname(),
		"database.port":                u.Port(),
		"database.user":                u.User.Username(),
		"database.password":            "none",
		"database.dbname":              strings.TrimPrefix(u.Path, "/"),
		"poll.interval.ms":             "20",
		// What the Avro converter needs of names that are not Avro's.
		"schema.name.adjustment.mode": "avro",
		"field.name.adjustment.mode":  "avro",
		// Truncates are left out by default.
		"skipped.operations":           "none",
		"provide.transaction.metadata": "true",
		// Which process wrote a record: ours says it in its log.
		"extended.headers.enabled": "false",
	})
	if errors.Is(err, local.ErrMissing) && os.Getenv("REQUIRE_SERVICES") != "1" {
		stop()
		t.Skip(err)
	}
	if err != nil {
		stop()
		t.Fatal(err)
	}
	out := newRecords()
	var joined sync.WaitGroup
	t.Cleanup(func() {
		stop()
		joined.Wait()
		c.Wait()
	})
	joined.Go(func() {
		for {
			r, err := c.Next()
			out.add(r, err)
			if err != nil {
				return
			}
		}
	})
	return out
}
