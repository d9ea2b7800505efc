package registry_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"sluice/schemas/registry"
)

// What a known schema costs: looked up by id on every record that is decoded,
// by subject and text whenever a table is met.
func BenchmarkKnown(b *testing.B) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"id":1}`))
	}))
	defer web.Close()
	cl, err := registry.Config{URL: web.URL}.Open()
	if err != nil {
		b.Fatal(err)
	}
	defer cl.Close()
	if _, err := cl.Register(b.Context(), "s", customer1); err != nil {
		b.Fatal(err)
	}
	b.Run("Schema", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := cl.Schema(b.Context(), 1); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Register", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := cl.Register(b.Context(), "s", customer1); err != nil {
				b.Fatal(err)
			}
		}
	})
}
