package postgres

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"sluice/ops/local/localtest"
)

// BenchmarkSnapshot copies rows like those of BenchmarkStream; one operation is
// one row, the server's reading included.
func BenchmarkSnapshot(b *testing.B) {
	dsn := localtest.Database(b)
	conn, err := pgconn.Connect(b.Context(), dsn)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(b.Context())
	q := plain{conn}
	if err := q.exec(b.Context(), fmt.Sprintf(`CREATE TABLE items (id bigint PRIMARY KEY, number text, street text, note varchar,
		total numeric(12,2), paid boolean, at timestamptz);
		INSERT INTO items SELECT i, 'ORD-2024-' || lpad(i::text, 10, '0'),
		'221B Baker Street, Marylebone, London', 'leave it with the neighbour, please', i / 100.0, i %% 2 = 0, now()
		FROM generate_series(1, %d) i; ANALYZE items`, b.N)); err != nil {
		b.Fatal(err)
	}
	c := Config{DSN: dsn, Tables: []string{"public.items"}, Slot: localtest.Prefix(b)}
	s, err := c.New("erp", slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Open(b.Context(), ""); err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close(b.Context()) }()
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
