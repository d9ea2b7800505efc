package postgres

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"sluice/ops/local/localtest"
)

// BenchmarkStream drains rows of seven columns with about 90 bytes of text from
// a real slot; one operation is one row, the server's decoding included.
func BenchmarkStream(b *testing.B) {
	dsn := localtest.Database(b)
	conn, err := pgconn.Connect(b.Context(), dsn)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(b.Context())
	q := plain{conn}
	if err := q.exec(b.Context(), `CREATE TABLE items (id bigint PRIMARY KEY, number text, street text, note varchar,
		total numeric(12,2), paid boolean, at timestamptz)`); err != nil {
		b.Fatal(err)
	}
	c := Config{DSN: dsn, Tables: []string{"public.items"}, Slot: localtest.Prefix(b), Snapshot: SnapshotConfig{Mode: Never}}
	s, err := c.New("erp", slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Open(b.Context(), ""); err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close(b.Context()) }()
	const most = 10_000 // rows of a transaction
	for from := 1; from <= b.N; from += most {
		if err := q.exec(b.Context(), fmt.Sprintf(`INSERT INTO items SELECT i, 'ORD-2024-' || lpad(i::text, 10, '0'),
			'221B Baker Street, Marylebone, London', 'leave it with the neighbour, please', i / 100.0, i %% 2 = 0, now()
			FROM generate_series(%d, %d) i`, from, min(b.N, from+most-1))); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	begun := processorTime(b)
	rows, batches := 0, 0
	for rows < b.N {
		batch, err := s.Next(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		rows += len(batch.Changes)
		batches++
	}
	b.ReportMetric(float64(b.N)/(processorTime(b)-begun).Seconds(), "rows/cpu-s")
	b.ReportMetric(float64(rows)/float64(batches), "rows/batch")
}
