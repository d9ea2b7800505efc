package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what the watch saw last; they are gone while the source is
// closed, so that an instance that stands by does not speak of a slot that
// another reads.
type metrics struct {
	lag, lagSeconds, retained, safe, skew, share *prometheus.GaugeVec
	status                                       *prometheus.GaugeVec // by status
	decoded, decodedBytes                        *prometheus.GaugeVec // by how

	mu      sync.Mutex
	written []mark // of log that is not confirmed, oldest first
}

// mark says that the log had come so far at that time.
type mark struct {
	at lsn
	on time.Time
}

// maxMarks bounds the memory of how the log grew; half are forgotten then.
const maxMarks = 4096

var walStatuses = []string{"reserved", "extended", "unreserved", "lost"}

func newMetrics(capture string) *metrics {
	gauge := func(o prometheus.GaugeOpts, labels ...string) *prometheus.GaugeVec {
		o.ConstLabels = prometheus.Labels{"capture": capture}
		return prometheus.NewGaugeVec(o, labels)
	}
	return &metrics{
		lag: gauge(prometheus.GaugeOpts{
			Name: "sluice_postgres_slot_lag_bytes", Help: "Log written and not yet confirmed by the capture.",
		}),
		lagSeconds: gauge(prometheus.GaugeOpts{
			Name: "sluice_postgres_slot_lag_seconds", Help: "How long ago the oldest log that is not confirmed was first seen.",
		}),
		retained: gauge(prometheus.GaugeOpts{
			Name: "sluice_postgres_wal_retained_bytes", Help: "Log that the server keeps for the slot.",
		}),
		safe: gauge(prometheus.GaugeOpts{
			Name: "sluice_postgres_wal_safe_bytes", Help: "Log that can still be written before the slot is in danger; absent without max_slot_wal_keep_size.",
		}),
		share: gauge(prometheus.GaugeOpts{
			Name: "sluice_postgres_wal_budget_ratio", Help: "Log that the server keeps for the slot as a share of max_wal; absent without it.",
		}),
		status: gauge(prometheus.GaugeOpts{
			Name: "sluice_postgres_wal_status", Help: "1 for the slot's wal_status, 0 for the others.",
		}, "status"),
		skew: gauge(prometheus.GaugeOpts{
			Name: "sluice_postgres_clock_skew_seconds", Help: "How far the server's clock is ahead of this host's.",
		}),
		decoded: gauge(prometheus.GaugeOpts{
			Name: "sluice_postgres_decoded_transactions", Help: "Transactions that the server decoded for the slot since its statistics were reset: all, those it wrote to its disk first, those it sent before their end.",
		}, "how"),
		decodedBytes: gauge(prometheus.GaugeOpts{
			Name: "sluice_postgres_decoded_bytes", Help: "The same in bytes of changes.",
		}, "how"),
	}
}

func (m *metrics) all() []*prometheus.GaugeVec {
	return []*prometheus.GaugeVec{m.lag, m.lagSeconds, m.retained, m.safe, m.share, m.status, m.skew, m.decoded, m.decodedBytes}
}

// set takes over what was seen. budget is Config.MaxWAL.
func (m *metrics) set(s *slotState, work slotWork, budget int64) {
	m.lag.WithLabelValues().Set(float64(s.lag()))
	m.lagSeconds.WithLabelValues().Set(m.age(s).Seconds())
	m.retained.WithLabelValues().Set(float64(s.retained()))
	m.skew.WithLabelValues().Set(s.skew().Seconds())
	if s.SafeWAL != nil {
		m.safe.WithLabelValues().Set(float64(*s.SafeWAL))
	} else {
		m.safe.Reset()
	}
	if budget > 0 {
		m.share.WithLabelValues().Set(float64(s.retained()) / float64(budget))
	}
	for _, status := range walStatuses {
		value := 0.0
		if status == s.WALStatus {
			value = 1
		}
		m.status.WithLabelValues(status).Set(value)
	}
	for how, n := range work {
		m.decoded.WithLabelValues(how).Set(float64(n.transactions))
		m.decodedBytes.WithLabelValues(how).Set(float64(n.bytes))
	}
}

// age is how long the oldest log that is not confirmed has been seen.
func (m *metrics) age(s *slotState) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	var confirmed lsn
	if s.Confirmed != nil {
		confirmed = lsn(*s.Confirmed)
	}
	n := 0
	for n < len(m.written) && m.written[n].at <= confirmed {
		n++
	}
	m.written = m.written[n:]
	if last := len(m.written) - 1; s.now > confirmed && (last < 0 || m.written[last].at < s.now) {
		if len(m.written) == maxMarks {
			for i := range maxMarks / 2 { // the oldest of each pair stays: the age may only seem longer
				m.written[i] = mark{m.written[2*i+1].at, m.written[2*i].on}
			}
			m.written = m.written[:maxMarks/2]
		}
		m.written = append(m.written, mark{s.now, s.ours})
	}
	if len(m.written) == 0 {
		return 0
	}
	return max(0, s.ours.Sub(m.written[0].on))
}

func (m *metrics) reset() {
	for _, g := range m.all() {
		g.Reset()
	}
	m.mu.Lock()
	m.written = nil
	m.mu.Unlock()
}

// Describe implements prometheus.Collector.
func (s *Source) Describe(ch chan<- *prometheus.Desc) {
	s.copyMetrics.Describe(ch)
	for _, g := range s.metrics.all() {
		g.Describe(ch)
	}
}

// Collect implements prometheus.Collector.
func (s *Source) Collect(ch chan<- prometheus.Metric) {
	s.copyMetrics.Collect(ch)
	for _, g := range s.metrics.all() {
		g.Collect(ch)
	}
}

// slotWork is what the server has decoded for a slot: "all", "spilled",
// "streamed".
type slotWork map[string]struct{ transactions, bytes int64 }

// readSlotWork asks for it; a server before 14 does not count.
func readSlotWork(ctx context.Context, q querier, name string, version int64) (slotWork, error) {
	if version < 140000 {
		return nil, nil
	}
	rows, err := q.query(ctx, `
		SELECT total_txns, total_bytes, spill_txns, spill_bytes, stream_txns, stream_bytes
		FROM pg_catalog.pg_stat_replication_slots WHERE slot_name = $1`, name)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	r, work := rows[0], slotWork{}
	for i, how := range []string{"all", "spilled", "streamed"} {
		work[how] = struct{ transactions, bytes int64 }{r.int(2 * i), r.int(2*i + 1)}
	}
	return work, nil
}
