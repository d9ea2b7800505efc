package process

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/stream/kafka"
)

// Fates of a record as the label says them.
const (
	fateConsumed  = "consumed"
	fateDelivered = "delivered"
	fateFiltered  = "filtered"
	fateParked    = "parked"
)

type metrics struct {
	records *prometheus.CounterVec // fate, reason
	lag     *prometheus.GaugeVec   // group, topic, partition
}

func newMetrics(name string, reg prometheus.Registerer) (*metrics, error) {
	if reg == nil {
		reg = prometheus.NewRegistry()
	}
	records := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_stream_records_total",
		Help: "Records of committed transactions: consumed = delivered + filtered + parked.",
	}, []string{"stream", "fate", "reason"})
	var there prometheus.AlreadyRegisteredError
	if err := reg.Register(records); errors.As(err, &there) {
		if old, ok := there.ExistingCollector.(*prometheus.CounterVec); ok {
			records = old // another stream of this process was first
		}
	} else if err != nil {
		return nil, fmt.Errorf("registering a metric: %w", err)
	}
	lag, err := kafka.LagGauge(reg)
	if err != nil {
		return nil, err
	}
	return &metrics{records.MustCurryWith(prometheus.Labels{"stream": name}), lag}, nil
}

// tally is how many records of a batch had which fate.
type tally map[[2]string]int

func (m *metrics) count(t tally) {
	sum := 0
	for key, n := range t {
		m.records.WithLabelValues(key[0], key[1]).Add(float64(n))
		sum += n
	}
	m.records.WithLabelValues(fateConsumed, "").Add(float64(sum))
}
