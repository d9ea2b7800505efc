package demo

import (
	"bytes"
	"context"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"sluice/ops/demo/world"
)

// sample is what the pipeline's /metrics said at one moment.
type sample struct {
	captured, sourceLag        map[string]float64 // by capture
	delivered, parked, retried float64
	streamLag, sinkLag         float64
	breaker                    float64
	// dropped are the changes of accounts that were ours, by the layer of the loop
	// guard that knew them again.
	dropped map[string]int
}

func scrape(ctx context.Context, p *world.Proc) (sample, error) {
	_, body, err := p.Get(ctx, "/metrics")
	if err != nil {
		return sample{}, err
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(body))
	if err != nil {
		return sample{}, err
	}
	sum := func(name string, labels ...string) (total float64) {
		for _, m := range families[name].GetMetric() {
			if has(m, labels) {
				total += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
		return total
	}
	byCapture := func(name string) map[string]float64 {
		return map[string]float64{"erp": sum(name, "capture", "erp"), "crm": sum(name, "capture", "crm")}
	}
	return sample{
		captured:  byCapture("sluice_capture_records_total"),
		sourceLag: byCapture("sluice_capture_lag_seconds"),
		delivered: sum("sluice_sink_records_total", "fate", "delivered"),
		parked:    sum("sluice_sink_records_total", "fate", "parked") + sum("sluice_stream_records_total", "fate", "parked"),
		retried:   sum("sluice_sink_attempts_total", "class", "retry") + sum("sluice_sink_attempts_total", "class", "throttled"),
		streamLag: sum("sluice_consumer_lag", "group", "sluice.stream.customer") +
			sum("sluice_consumer_lag", "group", "sluice.stream.order") + sum("sluice_consumer_lag", "group", "sluice.stream.invoice"),
		sinkLag: sum("sluice_consumer_lag", "group", "sluice.sink.crm"),
		breaker: sum("sluice_sink_breaker_state"),
		dropped: map[string]int{
			"origin":    int(sum("sluice_stream_records_total", "stream", "account", "reason", "loop_origin")),
			"mark":      int(sum("sluice_stream_records_total", "stream", "account", "reason", "loop_echo")),
			"converged": int(sum("sluice_sink_records_total", "reason", "converged")),
			"bounce":    int(sum("sluice_stream_records_total", "stream", "account", "reason", "loop_bounce")),
		},
	}, nil
}

// stopped is how many changes of accounts were ours, or needless.
func (s *sample) stopped() (n int) {
	for _, of := range s.dropped {
		n += of
	}
	return n
}

func has(m *dto.Metric, labels []string) bool {
	for i := 0; i < len(labels); i += 2 {
		found := false
		for _, l := range m.GetLabel() {
			found = found || l.GetName() == labels[i] && l.GetValue() == labels[i+1]
		}
		if !found {
			return false
		}
	}
	return true
}
