package loop

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// bouncesMetric counts each bounce once, when it is decided. The other layers are
// reasons in sluice_stream_records_total and sluice_sink_records_total.
func bouncesMetric(stream string, reg prometheus.Registerer) (*prometheus.CounterVec, error) {
	bounces := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_loop_bounces_total",
		Help: "Changes that were stopped because their record crossed the same systems too often, by the path that it took.",
	}, []string{"stream", "path"})
	var there prometheus.AlreadyRegisteredError
	if err := reg.Register(bounces); errors.As(err, &there) {
		if old, ok := there.ExistingCollector.(*prometheus.CounterVec); ok {
			bounces = old // the guard of another stream was first
		}
	} else if err != nil {
		return nil, fmt.Errorf("registering a metric: %w", err)
	}
	return bounces.MustCurryWith(prometheus.Labels{"stream": stream}), nil
}
