package kafka

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// LagGauge registers sluice_consumer_lag, which every consumer of a process
// shares, or returns the one that is registered already.
func LagGauge(reg prometheus.Registerer) (*prometheus.GaugeVec, error) {
	lag := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "sluice_consumer_lag",
		Help: "Records of the partition that the group has not finished.",
	}, []string{"group", "topic", "partition"})
	err := reg.Register(lag)
	var twice prometheus.AlreadyRegisteredError
	if errors.As(err, &twice) {
		if old, ok := twice.ExistingCollector.(*prometheus.GaugeVec); ok {
			return old, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("registering sluice_consumer_lag: %w", err)
	}
	return lag, nil
}
