package registry_test

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"sluice/schemas"
	"sluice/schemas/registry"
)

const (
	oneField = `{"type":"record","name":"r","fields":[{"name":"a","type":"int"}]}`
	asText   = `{"type":"record","name":"r","fields":[{"name":"a","type":"string"}]}`
	asLong   = `{"type":"record","name":"r","fields":[{"name":"a","type":"long"}]}`
)

// settings does one request to /config/<subject>.
func settings(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func TestForceRegistersAndPutsTheSettingBack(t *testing.T) {
	url := start(t, nil)
	for _, c := range []struct{ name, level string }{{"none of its own", ""}, {"its own", "FULL"}} {
		t.Run(c.name, func(t *testing.T) {
			subject := strings.ReplaceAll(c.name, " ", "-")
			at := url + "/config/" + subject
			if c.level != "" {
				settings(t, http.MethodPut, at, `{"compatibility":"`+c.level+`"}`)
			}
			var log strings.Builder
			cl, err := registry.Config{URL: url}.Open(registry.WithLog(slog.New(slog.NewTextHandler(&log, nil))))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(cl.Close)
			if _, err := cl.Register(timeout(t), subject, oneField); err != nil {
				t.Fatal(err)
			}
			_, err = cl.Register(timeout(t), subject, asText)
			var f *schemas.Fault
			if !errors.As(err, &f) || !errors.Is(err, registry.ErrIncompatible) || !errors.Is(err, registry.ErrRefused) {
				t.Fatalf("registering a text where a number was: %v", err)
			}
			id, err := cl.Force(timeout(t), subject, asText)
			if err != nil {
				t.Fatal(err)
			}
			if text, err := cl.Schema(timeout(t), id); err != nil || text != asText {
				t.Errorf("schema %d is %q, %v", id, text, err)
			}
			code, text := settings(t, http.MethodGet, at, "")
			if c.level == "" && code != http.StatusNotFound || c.level != "" && !strings.Contains(text, `"`+c.level+`"`) {
				t.Errorf("afterwards the subject's setting is %d %s", code, text)
			}
			if _, err := cl.Register(timeout(t), subject, asLong); !errors.Is(err, registry.ErrIncompatible) {
				t.Errorf("the next incompatible schema: %v", err)
			}
			for _, part := range []string{subject, "NONE", "curl -X", "WARN"} {
				if !strings.Contains(log.String(), part) {
					t.Errorf("the log does not say %q: %s", part, log.String())
				}
			}
		})
	}
}

// TestForceOfACompatibleSchema leaves the setting alone.
func TestForceOfACompatibleSchema(t *testing.T) {
	url := start(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/config") {
				t.Errorf("%s %s", r.Method, r.URL.Path)
			}
			next.ServeHTTP(w, r)
		})
	})
	cl := open(t, registry.Config{URL: url})
	for _, schema := range []string{oneField, asLong} {
		if _, err := cl.Force(timeout(t), "s", schema); err != nil {
			t.Fatal(err)
		}
	}
}

// TestForceThatIsRefusedPutsTheSettingBack has a registry that refuses in spite
// of NONE.
func TestForceThatIsRefusedPutsTheSettingBack(t *testing.T) {
	refuse := false
	url := start(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if refuse && strings.HasSuffix(r.URL.Path, "/versions") && r.Method == http.MethodPost && !strings.HasPrefix(r.URL.Path, "/compat") {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusConflict)
				_, _ = io.WriteString(w, `{"error_code":409,"message":"no"}`)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	cl := open(t, registry.Config{URL: url})
	if _, err := cl.Register(timeout(t), "s", oneField); err != nil {
		t.Fatal(err)
	}
	refuse = true
	if _, err := cl.Force(timeout(t), "s", asText); !errors.Is(err, registry.ErrIncompatible) {
		t.Fatalf("forced: %v", err)
	}
	if code, text := settings(t, http.MethodGet, url+"/config/s", ""); code != http.StatusNotFound {
		t.Errorf("afterwards the subject's setting is %d %s", code, text)
	}
}
