package deliver

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/sinks/api"
	"sluice/sinks/sinktest"
)

// BenchmarkDeliver delivers b.N records from the broker to a loopback target
// that answers at once, and beside it, in the same run, sends as many requests
// with a bare net/http client of the same concurrency. It prints both rates and
// their ratio.
func BenchmarkDeliver(b *testing.B) {
	for _, flights := range []int{1, 64} {
		b.Run("max_in_flight="+strconv.Itoa(flights), func(b *testing.B) { benchDeliver(b, flights) })
	}
}

func benchDeliver(b *testing.B, flights int) {
	w := newWorld(b)
	var answered atomic.Int64
	answer := []byte(`{"id":"T1"}`)
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		rw.Header().Set("Content-Type", "application/json")
		_, _ = rw.Write(answer)
		answered.Add(1)
	}))
	b.Cleanup(srv.Close)
	const chunk = 1000
	for i := 0; i < b.N; i += chunk {
		var keys []string
		for n := range min(chunk, b.N-i) {
			keys = append(keys, fmt.Sprint("k", (i+n)%5000))
		}
		w.states(keys...)
	}
	sink, err := api.Config{URL: srv.URL, Update: &api.Request{Path: "/records/{{.Key | path}}"}, ID: "id"}.
		Open(w.name, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = sink.Close(context.Background()) })
	bare := bareClient(b, srv.URL, flights, b.N)

	cfg := Config{MaxInFlight: flights}
	answered.Store(0)
	b.ResetTimer()
	begun := time.Now()
	e := w.start(cfg, sink)
	eventually(b, func() error {
		if n := e.counts()[fateDelivered]; n < b.N {
			return fmt.Errorf("%d of %d delivered", n, b.N)
		}
		return nil
	})
	ours := float64(b.N) / time.Since(begun).Seconds()
	b.StopTimer()
	b.ReportMetric(ours, "deliveries/s")
	b.ReportMetric(bare, "bare/s")
	b.ReportMetric(ours/bare, "ratio")
}

// bareClient sends n requests of the same size and returns the rate.
func bareClient(b *testing.B, url string, flights, n int) float64 {
	b.Helper()
	tr := http.DefaultTransport.(*http.Transport).Clone()
	tr.MaxIdleConns, tr.MaxIdleConnsPerHost = flights, flights
	defer tr.CloseIdleConnections()
	client := &http.Client{Transport: tr}
	d := sinktest.State("k1", 1)
	body := []byte(`{"id":"k1","version":1,"name":"Ægir \"& Søn\"\n","amount":1234.56,"note":null}`)
	var next atomic.Int64
	var wg sync.WaitGroup
	begun := time.Now()
	for range flights {
		wg.Go(func() {
			for next.Add(1) <= int64(n) {
				req, err := http.NewRequest(http.MethodPut, url+"/records/k1", bytes.NewReader(body))
				if err != nil {
					b.Error(err)
					return
				}
				req.Header.Set("Content-Type", "application/json")
				req.Header.Set("Idempotency-Key", d.IdempotencyKey)
				resp, err := client.Do(req)
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
		})
	}
	wg.Wait()
	return float64(n) / time.Since(begun).Seconds()
}
