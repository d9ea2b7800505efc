package postgres

import (
	"context"
	"time"
)

// seenWait is how long a commit may be in the log and not in the catalogue. It is
// less than a millisecond, but where commits wait for a synchronous standby; and that
// may be this capture, which must not wait for itself.
const seenWait = time.Second

// seen waits until the server's sessions see the transaction at hand: the log has a
// commit before they do, and the catalogue would be that of before its DDL.
func (d *decoder) seen(ctx context.Context, q querier) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(seenWait); ; {
		rows, err := q.query(ctx, "SELECT pg_catalog.pg_current_snapshot()")
		if err != nil {
			return err
		}
		v, err := parseView(rows[0].text(0), 0)
		if err != nil || v.Sees(transaction(uint32(d.tx))) || time.Now().After(end) {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
