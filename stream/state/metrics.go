package state

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// measuredEvery is the least time between two questions for the sizes.
const measuredEvery = 15 * time.Second

type metrics struct {
	records, bytes *prometheus.GaugeVec
	// restores and restored count the restorings and their records.
	restores, restored prometheus.Counter
	measured           time.Time
}

// Export exports the sizes of the partitions that this table has written or found
// good, and what it restored. Call it before the first Read.
func (t *Table) Export(reg prometheus.Registerer) error {
	var m metrics
	var err error
	gauge := func(name, help string) *prometheus.GaugeVec {
		v, failed := register(reg, prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"table", "partition"}))
		err = errors.Join(err, failed)
		return v
	}
	counter := func(name, help string) prometheus.Counter {
		v, failed := register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{"table"}))
		err = errors.Join(err, failed)
		return v.WithLabelValues(t.name)
	}
	m.records = gauge("sluice_state_records", "Records of the state in Redis, of the partitions that this process owns.")
	m.bytes = gauge("sluice_state_bytes", "Memory that Redis uses for the state, by a sample.")
	m.restores = counter("sluice_state_restores_total", "Partitions of the state that were restored from the changelog.")
	m.restored = counter("sluice_state_restored_records_total", "Records of changelogs that were read to restore the state.")
	if err == nil {
		t.metrics = &m
	}
	return err
}

// register returns the collector, or the one that another table registered.
func register[C prometheus.Collector](reg prometheus.Registerer, c C) (C, error) {
	err := reg.Register(c)
	var there prometheus.AlreadyRegisteredError
	if errors.As(err, &there) {
		if old, ok := there.ExistingCollector.(C); ok {
			return old, nil
		}
	}
	if err != nil {
		return c, fmt.Errorf("registering a metric: %w", err)
	}
	return c, nil
}

// measure refreshes the gauges, if they are old. A partition whose marker another
// process wrote is no longer ours. What Redis does not say, the next batch asks
// again.
func (t *Table) measure(ctx context.Context) {
	m := t.metrics
	if m == nil || time.Since(m.measured) < measuredEvery {
		return
	}
	m.measured = time.Now()
	partitions := slices.Sorted(maps.Keys(t.mine))
	sizes, err := t.Sizes(ctx, partitions...)
	if err != nil {
		t.log.Debug("measuring the state", "error", err)
		return
	}
	m.records.DeletePartialMatch(prometheus.Labels{"table": t.name})
	m.bytes.DeletePartialMatch(prometheus.Labels{"table": t.name})
	for i, p := range partitions {
		if string(sizes[i].marker) != t.mine[p] {
			delete(t.mine, p)
			continue
		}
		label := strconv.Itoa(int(p))
		m.records.WithLabelValues(t.name, label).Set(float64(sizes[i].Records))
		m.bytes.WithLabelValues(t.name, label).Set(float64(sizes[i].Bytes))
	}
}
