package pump

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are counted when a transaction is committed, so that they never say
// more than Kafka holds.
type metrics struct {
	records      *prometheus.CounterVec // by table and op
	bytes        prometheus.Counter
	transactions prometheus.Counter
}

func newMetrics(p *Pump, reg prometheus.Registerer) (*metrics, error) {
	records, err := register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_capture_records_total", Help: "Changes committed to Kafka, without tombstones.",
	}, []string{"capture", "table", "op"}))
	if err != nil {
		return nil, err
	}
	bytes, err := register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_capture_bytes_total", Help: "Bytes of keys, values and header values committed to Kafka, uncompressed.",
	}, []string{"capture"}))
	if err != nil {
		return nil, err
	}
	transactions, err := register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_capture_transactions_total", Help: "Kafka transactions committed, those of the position alone too.",
	}, []string{"capture"}))
	if err != nil {
		return nil, err
	}
	label := prometheus.Labels{"capture": p.name}
	for _, g := range []prometheus.Collector{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sluice_capture_lag_seconds", ConstLabels: label,
			Help: "Age, by the source's clock, of the oldest change read and not committed; of the last one when it was committed, where none waits.",
		}, func() float64 { return p.lag().Seconds() }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sluice_capture_ready", ConstLabels: label,
			Help: "1 while this instance is at work and its changes are being committed; 0 where not, or where it stands by.",
		}, p.working),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sluice_capture_standby", ConstLabels: label,
			Help: "1 while another instance is at work and this one waits to take over.",
		}, func() float64 { return one(p.Standby()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sluice_capture_buffered_bytes", ConstLabels: label,
			Help: "Memory of the records read and not yet committed.",
		}, func() float64 { return float64(p.buffered()) }),
	} {
		if err := replace(reg, g); err != nil {
			return nil, err
		}
	}
	return &metrics{
		records:      records.MustCurryWith(label),
		bytes:        bytes.With(label),
		transactions: transactions.With(label),
	}, nil
}

// register registers c, or returns the equal collector that is there already:
// the captures of one process share it.
func register[C prometheus.Collector](reg prometheus.Registerer, c C) (C, error) {
	if reg == nil {
		return c, nil
	}
	err := reg.Register(c)
	var there prometheus.AlreadyRegisteredError
	if errors.As(err, &there) {
		if same, ok := there.ExistingCollector.(C); ok {
			return same, nil
		}
	}
	return c, err
}

// replace registers g in place of the gauge of an earlier Pump of that name.
func replace(reg prometheus.Registerer, g prometheus.Collector) error {
	if reg == nil {
		return nil
	}
	err := reg.Register(g)
	var there prometheus.AlreadyRegisteredError
	if errors.As(err, &there) {
		reg.Unregister(there.ExistingCollector)
		return reg.Register(g)
	}
	return err
}

// lag is the value of sluice_capture_lag_seconds.
func (p *Pump) lag() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	oldest := p.pending
	if oldest.IsZero() && p.queue != nil {
		_, t := p.queue.state()
		oldest = t.first
	}
	if oldest.IsZero() {
		return p.lastLag
	}
	return max(0, time.Since(oldest))
}

// buffered is the value of sluice_capture_buffered_bytes.
func (p *Pump) buffered() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.queue == nil {
		return 0
	}
	held, _ := p.queue.state()
	return held
}

// one is 1 for true.
func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
