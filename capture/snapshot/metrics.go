package snapshot

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics shows the Stats of a capture's Engine to Prometheus, as a Collector.
// Its counters begin anew with each Engine; while there is none it shows nothing.
type Metrics struct {
	rows, dropped, chunks, again, tables, left, paused *prometheus.Desc

	mu     sync.Mutex
	engine *Engine
}

// NewMetrics is for the capture of that name.
func NewMetrics(capture string) *Metrics {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, nil, prometheus.Labels{"capture": capture})
	}
	return &Metrics{
		rows:    desc("sluice_snapshot_rows_total", "Rows of snapshots handed out."),
		dropped: desc("sluice_snapshot_dropped_rows_total", "Rows read and left out, since an event had brought them already."),
		chunks:  desc("sluice_snapshot_chunks_total", "Chunks read."),
		again:   desc("sluice_snapshot_chunks_again_total", "Reads of a chunk that are tried once more."),
		tables:  desc("sluice_snapshot_tables_left", "Tables being copied, or waiting for it."),
		left:    desc("sluice_snapshot_rows_left", "About how many rows of them are still to be read."),
		paused:  desc("sluice_snapshot_paused", "1 while the snapshots are told to wait."),
	}
}

// Watch shows that engine from now on; nil: none.
func (m *Metrics) Watch(e *Engine) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.engine = e
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.rows, m.dropped, m.chunks, m.again, m.tables, m.left, m.paused} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	m.mu.Lock()
	e := m.engine
	m.mu.Unlock()
	if e == nil {
		return
	}
	s := e.Stats()
	paused := 0.0
	if s.Paused {
		paused = 1
	}
	for _, v := range []struct {
		desc  *prometheus.Desc
		kind  prometheus.ValueType
		value float64
	}{
		{m.rows, prometheus.CounterValue, float64(s.Rows)},
		{m.dropped, prometheus.CounterValue, float64(s.Dropped)},
		{m.chunks, prometheus.CounterValue, float64(s.Chunks)},
		{m.again, prometheus.CounterValue, float64(s.Again)},
		{m.tables, prometheus.GaugeValue, float64(s.Tables)},
		{m.left, prometheus.GaugeValue, float64(s.Left)},
		{m.paused, prometheus.GaugeValue, paused},
	} {
		ch <- prometheus.MustNewConstMetric(v.desc, v.kind, v.value)
	}
}
