package state_test

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestLookSaysWhereFrom(t *testing.T) {
	onEach(t, func(r *rig) {
		r.set(r.table(), 3, kgo.TryCommit, "a", "1", "b", "2")
		look := func(key, want, why string) {
			t.Helper()
			l, err := r.table().Look(r.t.Context(), 1, key)
			r.must(err)
			if string(l.Value) != want || l.Changelog != (why != "") || !strings.Contains(l.Why, why) {
				r.t.Errorf("%s: %q, changelog %v (%s); want %q (%s)", key, l.Value, l.Changelog, l.Why, want, why)
			}
		}
		look("a", "1", "")
		look("none", "", "")
		key := "sluice:state:{" + r.name + "/1}"
		r.must(r.client.HSet(r.t.Context(), key, "", "1/x.1", "a", "old").Err())
		look("a", "1", "up to offset 1 only")
		r.must(r.client.Del(r.t.Context(), key).Err())
		look("b", "2", "redis has no state")
		if n := r.client.Exists(r.t.Context(), key).Val(); n != 0 {
			r.t.Error("looking has restored")
		}
		r.must(r.client.Close())
		look("a", "1", "does not answer")
	})
}

func TestSizesAndMetrics(t *testing.T) {
	onEach(t, func(r *rig) {
		table, reg := r.table(), prometheus.NewRegistry()
		r.must(table.Export(reg))
		r.must(r.table().Export(reg)) // a second table of the process
		r.set(table, 3, kgo.TryCommit, "a", "1", "b", "2")
		sizes, err := table.Sizes(r.t.Context(), 0, 1)
		r.must(err)
		if sizes[0].Records != 0 || sizes[0].Next != -1 || sizes[1].Records != 2 || sizes[1].Next != 3 {
			r.t.Errorf("sizes %+v", sizes)
		}
		got := map[string]float64{}
		families, err := reg.Gather()
		r.must(err)
		for _, f := range families {
			for _, m := range f.GetMetric() {
				got[f.GetName()] += m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
		if got["sluice_state_records"] != 2 || got["sluice_state_restores_total"] != 1 {
			r.t.Errorf("metrics %v", got)
		}
		if r.real && (sizes[1].Bytes <= 0 || got["sluice_state_bytes"] <= 0) {
			r.t.Errorf("no bytes: %+v, %v", sizes, got)
		}
		if table.Doing() != "" {
			r.t.Errorf("it still waits for %q", table.Doing())
		}
	})
}
