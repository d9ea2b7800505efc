package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pglogrepl"

	"sluice/schemas"
)

// follow decides whether the saved position still holds on another timeline of
// the same system: after a failover or a restore. It does where the new timeline
// forked behind it: then all that Kafka has is in the server's log, and adopt
// looks whether the slot has all that follows.
func (s *Source) follow(ctx context.Context, saved position, timeline int32) error {
	lost := func(what string, args ...any) error {
		return &schemas.Fault{Where: "slot", What: fmt.Sprintf(what, args...), Cure: s.resnapshot()}
	}
	if timeline < saved.Timeline {
		return lost("the saved position is of timeline %d, the server is on %d: it was restored", saved.Timeline, timeline)
	}
	history, err := pglogrepl.TimelineHistory(ctx, s.stream.conn, timeline)
	if err != nil {
		return fmt.Errorf("reading the history of timeline %d: %w", timeline, err)
	}
	fork, ok := forkOf(string(history.Content), saved.Timeline)
	switch {
	case !ok:
		return lost("the saved position is of timeline %d, from which the server's, %d, does not descend", saved.Timeline, timeline)
	case lsn(saved.LSN) > fork || lsn(saved.Commit) > fork:
		return lost("the server has followed another history since %s on timeline %d, and the saved position is behind it, at %s: Kafka has changes that this server never saw",
			fork, saved.Timeline, max(lsn(saved.LSN), lsn(saved.Commit)))
	}
	s.log.Warn("the server has failed over or was restored, and the saved position holds: going on",
		"timeline", timeline, "before", saved.Timeline, "fork", fork.String(), "position", lsn(saved.LSN).String())
	return nil
}

// forkOf finds in a history file where the descendants of the timeline left it.
// A line is the parent's number, the place, and a reason.
func forkOf(history string, timeline int32) (lsn, bool) {
	for text := range strings.Lines(history) {
		fields := strings.Fields(text)
		if len(fields) < 2 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		n, err := strconv.ParseInt(fields[0], 10, 32)
		if err != nil || int32(n) != timeline {
			continue
		}
		at, err := pglogrepl.ParseLSN(fields[1])
		return at, err == nil
	}
	return 0, false
}
