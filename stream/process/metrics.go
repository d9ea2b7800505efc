package process

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/stream/kafka"
)

type metrics struct {
	records *prometheus.CounterVec // by fate and reason
	lag     *prometheus.GaugeVec
}

func newMetrics(name string, reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{records: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name:        "sluice_stream_records_total",
		Help:        "Records by what became of them, counted when their transaction committed: consumed = delivered + filtered + parked.",
		ConstLabels: prometheus.Labels{"stream": name},
	}, []string{"fate", "reason"})}
	if err := reg.Register(m.records); err != nil {
		return nil, fmt.Errorf("registering the metrics of stream %q: %w", name, err)
	}
	var err error
	m.lag, err = kafka.LagGauge(reg)
	return m, err
}

// watchLag keeps the lag gauge of the group until ctx ends.
func (p *Process) watchLag(ctx context.Context, cl *kgo.Client) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		lags, err := kafka.Lag(ctx, cl, Group(p.name), p.inputs...)
		if err == nil {
			for _, l := range lags {
				p.metrics.lag.WithLabelValues(Group(p.name), l.Topic, strconv.Itoa(int(l.Partition))).Set(float64(l.Lag))
			}
			p.mu.Lock()
			p.lag = true
			p.mu.Unlock()
		} else if ctx.Err() == nil {
			p.log.Warn("measuring the lag failed", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
