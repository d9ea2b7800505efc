package deliver

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/stream/kafka"
)

// metrics of one sink. A record is counted when its fate is final, in consumed
// and in its fate at once, so that the sum always holds.
type metrics struct {
	records  *prometheus.CounterVec // fate, reason
	attempts *prometheus.CounterVec // class
	breaker  prometheus.Gauge
	inFlight prometheus.Gauge
	latency  prometheus.Observer
	lag      *prometheus.GaugeVec // group, topic, partition
}

func newMetrics(name string, reg prometheus.Registerer) (*metrics, error) {
	records, err1 := register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_sink_records_total",
		Help: "Records whose fate is final: consumed = delivered + filtered + parked.",
	}, []string{"sink", "fate", "reason"}))
	attempts, err2 := register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_sink_attempts_total",
		Help: "Tries of a delivery at the target, by outcome: ok, retry, throttled, permanent, stop.",
	}, []string{"sink", "class"}))
	state, err3 := register(reg, prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "sluice_sink_breaker_state",
		Help: "Breaker of the target: 0 closed, 1 half-open, 2 open.",
	}, []string{"sink"}))
	inFlight, err4 := register(reg, prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "sluice_sink_in_flight",
		Help: "Deliveries under way to the target.",
	}, []string{"sink"}))
	latency, err5 := register(reg, prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "sluice_sink_latency_seconds",
		Help:    "How long one write to the target took.",
		Buckets: prometheus.ExponentialBuckets(0.001, 2, 15),
	}, []string{"sink"}))
	lag, err6 := kafka.LagGauge(reg)
	if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
		return nil, err
	}
	label := prometheus.Labels{"sink": name}
	return &metrics{
		records:  records.MustCurryWith(label),
		attempts: attempts.MustCurryWith(label),
		breaker:  state.With(label),
		inFlight: inFlight.With(label),
		latency:  latency.With(label),
		lag:      lag,
	}, nil
}

// register registers c, or returns the one that another sink of the process
// registered before.
func register[C prometheus.Collector](reg prometheus.Registerer, c C) (C, error) {
	err := reg.Register(c)
	var twice prometheus.AlreadyRegisteredError
	if errors.As(err, &twice) {
		if old, ok := twice.ExistingCollector.(C); ok {
			return old, nil
		}
	}
	if err != nil {
		return c, fmt.Errorf("registering a metric: %w", err)
	}
	return c, nil
}

func (m *metrics) settled(fate, reason string) {
	m.records.WithLabelValues(fateConsumed, "").Inc()
	m.records.WithLabelValues(fate, reason).Inc()
}
