package process

import (
	"strconv"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/schemas"
)

// BenchmarkProcess brings 100,000 raw records of two columns through the engine,
// in batches of the default size, over the broker inside this process.
func BenchmarkProcess(b *testing.B) {
	const n = 100_000
	w := newWorld(b)
	w.ensure(w.topic)
	var records []*kgo.Record
	for i := range n {
		records = append(records, w.raw(schemas.Create, i, "a name of some length "+strconv.Itoa(i)))
	}
	w.produce(records...)
	done := 0
	for b.Loop() {
		// Another name is another group, which begins at the start.
		w.name += "x"
		r := w.start("a", newStage(w.name), func(p *Process) { p.cfg = Config{}; p.cfg.Defaults() })
		w.eventually("all records", func() bool { return r.counts()[fateConsumed] == n })
		r.stop()
		done += n
	}
	b.ReportMetric(float64(done)/b.Elapsed().Seconds(), "records/s")
}
