package postgres

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"sluice/capture"
)

// silence notices a connection that is open on our side only: a server that was
// cut off without a word, behind a proxy or a firewall that keeps the connection.
// A server that lives answers a status update that asks for it; so one that says
// nothing for half of its limit is asked, and given up at the limit.
type silence struct {
	// since is when the reader began to wait, in nanoseconds; 0: it does not.
	since atomic.Int64
	asked int64 // the since for which the server was asked
	lost  atomic.Bool
}

// unlimitedSilence is the limit where the server has none.
const unlimitedSilence = 2 * time.Minute

// silenceLimit is how long the server may say nothing: as long as it believes in
// a silent reader. It may be busy for so long, too, with decoding what nobody
// wants.
func (s *Source) silenceLimit() time.Duration {
	if t := s.server.senderTimeout; t > 0 {
		return t
	}
	return unlimitedSilence
}

// listen is called often. It returns an error when the connection ends.
func (st *stream) listen(now time.Time) error {
	q := &st.silence
	since := q.since.Load()
	if since == 0 {
		return nil
	}
	limit := st.source.silenceLimit()
	switch silent := now.Sub(time.Unix(0, since)); {
	case silent >= limit && q.asked == since:
		q.lost.Store(true)
		return st.conn.Conn().SetReadDeadline(time.Unix(1, 0)) // wakes the reader
	case silent >= limit/2 && q.asked != since:
		q.asked = since
		return st.status(true)
	}
	return nil
}

// lostInSilence says why the reader was woken, if silence was the reason.
func (st *stream) lostInSilence() error {
	if !st.silence.lost.Load() {
		return nil
	}
	return fmt.Errorf("%w: the server has said nothing for %s, not even when asked", capture.ErrLost, st.source.silenceLimit())
}

// patient bounds the questions that the reader asks of the catalogue.
func (s *Source) patient(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.silenceLimit())
}
