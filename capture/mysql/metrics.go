package mysql

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what the watch saw last; they are gone while the source is closed,
// so that an instance that stands by does not speak of a log that another reads.
type metrics struct {
	lag, lagSeconds, left, kept *prometheus.GaugeVec

	mu      sync.Mutex
	durable place  // behind the last position that was acknowledged
	made    uint32 // when its file was begun
	written []mark // of log that is not durable, oldest first
}

// mark says that the log had come so far at that time.
type mark struct {
	at place
	on time.Time
}

// maxMarks bounds the memory of how the log grew; half are forgotten then.
const maxMarks = 4096

func newMetrics(capture string) *metrics {
	gauge := func(o prometheus.GaugeOpts) *prometheus.GaugeVec {
		o.ConstLabels = prometheus.Labels{"capture": capture}
		return prometheus.NewGaugeVec(o, nil)
	}
	return &metrics{
		lag: gauge(prometheus.GaugeOpts{
			Name: "sluice_mysql_binlog_lag_bytes", Help: "Log written and not yet durable in Kafka.",
		}),
		lagSeconds: gauge(prometheus.GaugeOpts{
			Name: "sluice_mysql_binlog_lag_seconds", Help: "How long ago the oldest log that is not durable in Kafka was first seen.",
		}),
		left: gauge(prometheus.GaugeOpts{
			Name: "sluice_mysql_binlog_retention_left_seconds", Help: "How long until the server may purge the file that is being read; absent while it is the server's newest, or is never purged.",
		}),
		kept: gauge(prometheus.GaugeOpts{
			Name: "sluice_mysql_binlog_kept_bytes", Help: "Log that the server keeps.",
		}),
	}
}

func (m *metrics) all() []*prometheus.GaugeVec {
	return []*prometheus.GaugeVec{m.lag, m.lagSeconds, m.left, m.kept}
}

// acked notes what is durable.
func (m *metrics) acked(p *position) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.durable, m.made = p.Place, p.Made
}

// set takes over what was seen. expire is after how long the server purges a
// file; 0: never.
func (m *metrics) set(files []logFile, expire time.Duration, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var lag, kept uint64
	var end place
	for _, f := range files {
		kept += f.size
		end = place{f.name, f.size}
		switch c := (place{File: f.name}).number(); {
		case c > m.durable.number():
			lag += f.size
		case c == m.durable.number() && f.size > m.durable.Pos:
			lag += f.size - m.durable.Pos
		}
	}
	m.kept.WithLabelValues().Set(float64(kept))
	if m.durable.isZero() {
		return
	}
	m.lag.WithLabelValues().Set(float64(lag))
	m.lagSeconds.WithLabelValues().Set(m.age(end, now).Seconds())
	if expire == 0 || m.made == 0 || end.File == m.durable.File {
		m.left.Reset()
		return
	}
	m.left.WithLabelValues().Set(time.Unix(int64(m.made), 0).Add(expire).Sub(now).Seconds())
}

// age is how long the oldest log that is not durable has been seen.
func (m *metrics) age(end place, now time.Time) time.Duration {
	n := 0
	for n < len(m.written) && m.written[n].at.compare(m.durable) <= 0 {
		n++
	}
	m.written = m.written[n:]
	if last := len(m.written) - 1; end.compare(m.durable) > 0 && (last < 0 || m.written[last].at.compare(end) < 0) {
		if len(m.written) == maxMarks {
			for i := range maxMarks / 2 { // the oldest of each pair stays: the age may only seem longer
				m.written[i] = mark{m.written[2*i+1].at, m.written[2*i].on}
			}
			m.written = m.written[:maxMarks/2]
		}
		m.written = append(m.written, mark{end, now})
	}
	if len(m.written) == 0 {
		return 0
	}
	return max(0, now.Sub(m.written[0].on))
}

func (m *metrics) reset() {
	for _, g := range m.all() {
		g.Reset()
	}
	m.mu.Lock()
	m.written, m.durable, m.made = nil, place{}, 0
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
