package match_test

import "testing"

func BenchmarkHistorical(b *testing.B) {
	p := read(b, "cluster", `(.*)`, "historical_dev.csv.gz").shuffled(3)
	m := trained(b, p, "cluster")
	b.ResetTimer()
	for b.Loop() {
		p.dedupe(b, m)
	}
	b.ReportMetric(float64(p.Len()*b.N)/b.Elapsed().Seconds(), "records/s")
}
