package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/ops/local"
)

// postgresStage is a stage with Postgres.
type postgresStage struct {
	*stage
	pg *local.Postgres
}

func openPostgres(ctx context.Context, binary string) (*postgresStage, error) {
	pg, err := local.StartPostgres(ctx, local.PostgresOptions{})
	if err != nil {
		return nil, err
	}
	s, err := openStage(ctx, binary, captured{
		settings: fmt.Sprintf("postgres: {dsn: %q, tables: [public.bench], publication: bench, heartbeat: 1s}", pg.DSN("postgres")),
		table:    "public.bench", saved: "system", stop: pg.Stop,
	})
	return &postgresStage{s, pg}, err
}

// postgresDrain empties slots that hold the same WAL, twice a round: once with
// pg_recvlogical into /dev/null, which is what the server can send, and once by
// the capture.
type postgresDrain struct {
	stage *postgresStage
	end   string // WAL position behind the last row
}

func (d *postgresDrain) open(ctx context.Context, binary string) (_ *stage, err error) {
	if d.stage, err = openPostgres(ctx, binary); err != nil {
		return nil, err
	}
	return d.stage.stage, nil
}

func (d *postgresDrain) what() string { return "from the slot" }

func (d *postgresDrain) limits() []string { return []string{"pg_recvlogical"} }

func (d *postgresDrain) aims() (ratio, peakMB float64) { return 0.95, 128 }

// fill makes the slots of every round, then the rows.
func (d *postgresDrain) fill(ctx context.Context, of *drain) error {
	db, err := pgx.Connect(ctx, d.stage.pg.DSN("postgres"))
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	if _, err := db.Exec(ctx, benchTable); err != nil {
		return err
	}
	for i := range of.rounds {
		if _, err := db.Exec(ctx, "SELECT pg_create_logical_replication_slot($1, 'pgoutput')", fmt.Sprintf("limit%d", i)); err != nil {
			return err
		}
		// A first start of the capture makes its slot, too.
		if err := d.stage.prepare(ctx, of.capture(i)); err != nil {
			return err
		}
	}
	if err := insert(ctx, db, 1, of.rows, of.each()); err != nil {
		return err
	}
	if err := db.QueryRow(ctx, "SELECT pg_current_wal_lsn()::text").Scan(&d.end); err != nil {
		return err
	}
	// pg_recvlogical ends when it meets something behind the end. Without one
	// more row it would wait for its next status update, up to ten seconds, and
	// the reference would be far too slow.
	of.rows++
	return insert(ctx, db, of.rows, of.rows, 1)
}

// limit is the time that pg_recvlogical takes to drain a slot.
func (d *postgresDrain) limit(ctx context.Context, round int, _ string) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(d.stage.pg.Bin(), "pg_recvlogical"), "--dbname", d.stage.pg.DSN("postgres"), "--slot", fmt.Sprintf("limit%d", round),
		"--start", "--no-loop", "--endpos", d.end, "--file", "/dev/null", "--option", "proto_version=1", "--option", "publication_names=bench")
	var say strings.Builder
	cmd.Stderr = &say
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("pg_recvlogical: %w: %s", err, say.String())
	}
	return time.Since(start), nil
}
