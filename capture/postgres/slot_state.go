package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// slotState is a row of pg_replication_slots and what it costs the server. A
// column that the server's version lacks keeps its zero value.
type slotState struct {
	Name      string    `json:"slot_name"`
	Plugin    string    `json:"plugin"`
	Database  string    `json:"database"`
	PID       int64     `json:"active_pid"` // of who reads it; 0: nobody
	WALStatus string    `json:"wal_status"`
	SafeWAL   *int64    `json:"safe_wal_size"` // bytes until it is lost; nil: no limit
	Restart   *logPlace `json:"restart_lsn"`
	Confirmed *logPlace `json:"confirmed_flush_lsn"`
	TwoPhase  bool      `json:"two_phase"`           // 14
	Conflicts bool      `json:"conflicting"`         // 16
	Why       string    `json:"invalidation_reason"` // 17
	Failover  bool      `json:"failover"`            // 17
	Synced    bool      `json:"synced"`              // 17

	// now is how far the log has come: written, or replayed by a standby.
	now lsn
	// clock is the server's, ours the middle of the time that asking took.
	clock, ours time.Time
}

// readSlotState asks for the slot; the Name of one that does not exist is empty.
func readSlotState(ctx context.Context, q querier, name string) (slotState, error) {
	var s slotState
	before := time.Now()
	rows, err := q.query(ctx, `
		SELECT (SELECT to_jsonb(r) FROM pg_catalog.pg_replication_slots r WHERE r.slot_name = $1),
		       coalesce(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, '0/0'),
		       (extract(epoch FROM clock_timestamp()) * 1e6)::bigint`, name)
	after := time.Now()
	if err != nil {
		return s, fmt.Errorf("reading slot %q: %w", name, err)
	}
	r := rows[0]
	if r[0] != nil {
		if err := json.Unmarshal(r[0], &s); err != nil {
			return s, fmt.Errorf("reading slot %q: %w", name, err)
		}
	}
	var now logPlace
	if err := now.UnmarshalText(r[1]); err != nil {
		return s, fmt.Errorf("reading slot %q: %w", name, err)
	}
	s.now = lsn(now)
	s.clock, s.ours = time.UnixMicro(r.int(2)), before.Add(after.Sub(before)/2)
	return s, nil
}

// retained is how many bytes of log the server keeps for the slot.
func (s *slotState) retained() int64 { return s.behind(s.Restart) }

// lag is how many bytes of log the capture has not yet confirmed.
func (s *slotState) lag() int64 { return s.behind(s.Confirmed) }

func (s *slotState) behind(at *logPlace) int64 {
	if at == nil || lsn(*at) > s.now {
		return 0
	}
	return int64(s.now - lsn(*at))
}

// skew is how far the server's clock is ahead of ours.
func (s *slotState) skew() time.Duration { return s.clock.Sub(s.ours) }

// lost reports whether the server has given the slot's log up.
func (s *slotState) lost() bool { return s.WALStatus == "lost" || s.Conflicts }
