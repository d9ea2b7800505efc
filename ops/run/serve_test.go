package run

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/schemas"
)

func startHealth(t *testing.T, withPProf bool) *health {
	t.Helper()
	h, err := serve("127.0.0.1:0", withPProf, "v1", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := h.close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

func get(t *testing.T, h *health, path string) (int, string) {
	t.Helper()
	resp, err := http.Get("http://" + h.addr + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestReadinessIsThatOfEveryEngine(t *testing.T) {
	h := startHealth(t, false)
	if code, body := get(t, h, "/healthz"); code != 200 {
		t.Errorf("healthz before the start = %d %s", code, body)
	}
	if code, body := get(t, h, "/readyz"); code != 503 || !strings.Contains(body, "starting") {
		t.Errorf("readyz before the start = %d %s", code, body)
	}
	a, b := newFake(), newFake()
	b.ready = errors.New("the breaker is open")
	h.watch([]engine{{"capture erp", a}, {"sink crm", b}})
	code, body := get(t, h, "/readyz")
	var answer struct {
		Ready   bool
		Reasons map[string]string
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatal(err)
	}
	if code != 503 || answer.Ready || len(answer.Reasons) != 1 || answer.Reasons["sink crm"] != "the breaker is open" {
		t.Errorf("readyz = %d %s", code, body)
	}
	b.ready = nil
	if code, body := get(t, h, "/readyz"); code != 200 || !strings.Contains(body, `"ready":true`) {
		t.Errorf("readyz = %d %s", code, body)
	}
}

func TestMetricsOfEnginesOfOneKind(t *testing.T) {
	h := startHealth(t, false)
	for _, name := range []string{"erp", "shop"} {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "sluice_test_total", Help: "h"}, []string{"capture"})
		h.registerer().MustRegister(c)
		c.WithLabelValues(name).Inc()
	}
	_, body := get(t, h, "/metrics")
	for _, want := range []string{
		`sluice_test_total{capture="erp"} 1`, `sluice_test_total{capture="shop"} 1`, `sluice_build_info{version="v1"} 1`,
		"go_goroutines", "process_resident_memory_bytes",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
}

func TestPProfOnlyBehindItsFlag(t *testing.T) {
	if code, _ := get(t, startHealth(t, false), "/debug/pprof/"); code != 404 {
		t.Errorf("without the flag = %d", code)
	}
	if code, _ := get(t, startHealth(t, true), "/debug/pprof/"); code != 200 {
		t.Errorf("with the flag = %d", code)
	}
}

func TestATakenAddressIsAFault(t *testing.T) {
	h := startHealth(t, false)
	_, err := serve(h.addr, false, "v1", slog.New(slog.DiscardHandler))
	var f *schemas.Fault
	if !errors.As(err, &f) || !strings.Contains(f.Error(), "--listen off") {
		t.Errorf("error = %v", err)
	}
}

func TestOffServesNothing(t *testing.T) {
	h, err := serve("off", true, "v1", slog.New(slog.DiscardHandler))
	if err != nil || h.server != nil {
		t.Fatalf("server %v, error %v", h.server, err)
	}
	h.say("x")
	h.watch(nil)
	if err := h.close(); err != nil {
		t.Error(err)
	}
}
