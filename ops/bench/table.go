package main

import (
	"context"

	"github.com/jackc/pgx/v5"
)

const benchTable = `CREATE TABLE bench (
	id bigint PRIMARY KEY, customer_id int NOT NULL, name text NOT NULL, city text NOT NULL,
	amount numeric(12,2) NOT NULL, paid boolean NOT NULL, at timestamptz NOT NULL);
CREATE PUBLICATION bench FOR TABLE bench`

// About 90 bytes of text a row.
const benchInsert = `INSERT INTO bench SELECT i, i % 50000,
	'customer number ' || i || ' of the company ' || md5(i::text), 'city of ' || (i % 1000) || ' rivers',
	(i % 1000000) / 100.0, i % 3 = 0, timestamptz '2026-01-01' + i * interval '1 second'
	FROM generate_series($1::bigint, $2::bigint) i`

// insert inserts the rows first to last, so many a transaction.
func insert(ctx context.Context, db *pgx.Conn, first, last, each int) error {
	for at := first; at <= last; at += each {
		if _, err := db.Exec(ctx, benchInsert, at, min(at+each-1, last)); err != nil {
			return err
		}
	}
	return nil
}
