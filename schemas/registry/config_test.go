package registry_test

import (
	"bytes"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/schemas/registry"
)

func TestValidate(t *testing.T) {
	for name, tc := range map[string]struct {
		conf registry.Config
		want string
	}{
		"good":      {registry.Config{URL: "http://127.0.0.1:8081"}, ""},
		"two":       {registry.Config{URL: "https://a:1, https://b:2", TLS: &registry.TLS{}}, ""},
		"empty":     {registry.Config{}, "url: is empty; write url: http://127.0.0.1:8081"},
		"no scheme": {registry.Config{URL: "127.0.0.1:8081"}, "url: is no URL; write url: http://127.0.0.1:8081"},
		"ftp":       {registry.Config{URL: "ftp://a"}, `url: "ftp://a" is no http or https URL; write url: http://127.0.0.1:8081`},
		"user":      {registry.Config{URL: "http://ann:hush@a"}, "url: holds a user name; use username and password beside it"},
		"user only": {registry.Config{URL: "http://a", Username: "ann"}, "username: goes together with password, only one of them is set; set both, or neither"},
		"tls":       {registry.Config{URL: "http://a", TLS: &registry.TLS{}}, "tls: is set, and url is not https; write https, or take tls out"},
		"cert":      {registry.Config{URL: "https://a", TLS: &registry.TLS{Key: "k"}}, "tls: cert and key go together, only one of them is set; set both, or neither"},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if err := tc.conf.Validate(); err != nil {
				got = err.Error()
			}
			if got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestTLS(t *testing.T) {
	web := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`["AVRO"]`))
	}))
	t.Cleanup(web.Close)
	web.Config.ErrorLog = nil
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open(t, registry.Config{URL: web.URL, TLS: &registry.TLS{CA: ca}}).Check(timeout(t)); err != nil {
		t.Error(err)
	}
	err := open(t, registry.Config{URL: web.URL}).Check(timeout(t))
	if err == nil || !strings.Contains(err.Error(), "name the authority's file in registry.tls.ca") {
		t.Error(err)
	}
	// What only the configuration can change is not waited for.
	if _, err := open(t, registry.Config{URL: web.URL}).Schema(timeout(t), 1); err == nil || !strings.Contains(err.Error(), "registry.tls.ca") {
		t.Error(err)
	}
	if _, err := (registry.Config{URL: web.URL, TLS: &registry.TLS{CA: "/none.pem"}}).Open(); err == nil || !strings.HasPrefix(err.Error(), "registry.tls.ca: the file cannot be read") {
		t.Error(err)
	}
}

func TestHeader(t *testing.T) {
	data := append(registry.AppendHeader([]byte(nil), 0x01020304), "avro"...)
	if !bytes.Equal(data, []byte("\x00\x01\x02\x03\x04avro")) {
		t.Errorf("%x", data)
	}
	id, rest, err := registry.SplitHeader(data)
	if id != 0x01020304 || string(rest) != "avro" || err != nil {
		t.Error(id, rest, err)
	}
	for _, bad := range []string{"", "\x00\x00\x00\x01", `{"a": 1}`} {
		if _, _, err := registry.SplitHeader([]byte(bad)); !errors.Is(err, registry.ErrHeader) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzSplitHeader(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x00\x01x"))
	f.Fuzz(func(t *testing.T, data []byte) {
		id, rest, err := registry.SplitHeader(data)
		if err == nil && !bytes.Equal(append(registry.AppendHeader(nil, id), rest...), data) {
			t.Errorf("%x came back as %d, %x", data, id, rest)
		}
	})
}
