package registry_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"sluice/schemas"
	"sluice/schemas/registry"
)

const (
	customer1 = `{"type":"record","name":"customer","namespace":"entity","fields":[{"name":"number","type":"string"},{"name":"spend","type":["null","double"],"default":null}]}`
	customer2 = `{"type":"record","name":"customer","namespace":"entity","fields":[{"name":"number","type":"string"},{"name":"spend","type":["null","string"],"default":null},{"name":"email","type":"string"}]}`
)

func TestRegisterAndFetch(t *testing.T) {
	url, ctx := start(t, nil), timeout(t)
	writer, reader := open(t, registry.Config{URL: url}), open(t, registry.Config{URL: url + "/"})
	if err := writer.Check(ctx); err != nil {
		t.Fatal(err)
	}
	id, err := writer.Register(ctx, "entity.customer-value", customer1)
	if err != nil {
		t.Fatal(err)
	}
	got, err := reader.Schema(ctx, id)
	if err != nil || got != customer1 {
		t.Fatalf("%s, %v", got, err)
	}
	other, err := writer.Register(ctx, "another/subject with spaces", customer1)
	if err != nil || other != id {
		t.Errorf("the same schema under another subject got id %d, %v; want %d", other, err, id)
	}
}

func TestAsksOnce(t *testing.T) {
	var asked atomic.Int32
	release := make(chan struct{})
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		<-release
		_, _ = w.Write([]byte(`{"id":7,"schema":"\"string\""}`))
	}))
	cl, ctx := open(t, registry.Config{URL: url}), timeout(t)

	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if id, err := cl.Register(ctx, "s", `"string"`); id != 7 || err != nil {
				t.Error(id, err)
			}
		})
	}
	close(release)
	wg.Wait()
	if text, err := cl.Schema(ctx, 7); text != `"string"` || err != nil {
		t.Error(text, err)
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("the registry was asked %d times", n)
	}
}

// The failure of one caller's context is not the failure of those that wait
// beside it.
func TestWaitersOutliveTheAsker(t *testing.T) {
	var asked atomic.Int32
	arrived := make(chan struct{})
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			close(arrived)
			<-r.Context().Done()
			return
		}
		_, _ = w.Write([]byte(`{"schema":"\"int\""}`))
	}))
	cl := open(t, registry.Config{URL: url})

	short, cancel := context.WithCancel(timeout(t))
	first := make(chan error, 1)
	go func() { _, err := cl.Schema(short, 1); first <- err }()
	<-arrived
	second := make(chan error, 1)
	go func() { _, err := cl.Schema(timeout(t), 1); second <- err }()
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the asker got %v", err)
	}
	if err := <-second; err != nil {
		t.Errorf("the waiter got %v", err)
	}
}

func TestWaitsForARegistryThatIsAway(t *testing.T) {
	var asked atomic.Int32
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		switch asked.Add(1) {
		case 1:
			http.Error(w, "starting", http.StatusServiceUnavailable)
		case 2:
			panic(http.ErrAbortHandler) // the connection breaks
		case 3:
			http.Error(w, `{"error_code":50001,"message":"no broker"}`, http.StatusInternalServerError)
		default:
			_, _ = w.Write([]byte(`{"id":3}`))
		}
	}))
	if id, err := open(t, registry.Config{URL: url}).Register(timeout(t), "s", `"int"`); id != 3 || err != nil {
		t.Error(id, err)
	}
}

func TestIncompatibleNamesTheField(t *testing.T) {
	url, ctx := start(t, nil), timeout(t)
	cl := open(t, registry.Config{URL: url})
	if _, err := cl.Register(ctx, "entity.customer-value", customer1); err != nil {
		t.Fatal(err)
	}
	_, err := cl.Register(ctx, "entity.customer-value", customer2)
	const want = `subject "entity.customer-value": its new schema breaks the subject's compatibility BACKWARD: ` +
		`field "spend" is [null, string] in the new schema, which has no place for the double of version 1 (MISSING_UNION_BRANCH); ` +
		`field "email" is in the new schema without a default, and version 1 does not have it (READER_FIELD_MISSING_DEFAULT_VALUE): 409; ` +
		`make the change compatible, or allow it with curl -X PUT -H 'Content-Type: application/json' -d '{"compatibility":"NONE"}' 'URL/config/entity.customer-value', ` +
		`or write to a new subject (another name of the capture or entity)`
	var fault *schemas.Fault
	if !errors.As(err, &fault) || !errors.Is(err, registry.ErrRefused) {
		t.Fatalf("%T: %v", err, err)
	}
	if got := strings.ReplaceAll(err.Error(), url, "URL"); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestRefusals(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"unauthorized": {401, `{"error_code":40101,"message":"Unauthorized"}`, `Unauthorized (401/40101); mend registry.username and registry.password`},
		"forbidden":    {403, `{"error_code":40301,"message":"User is denied operation Write on Subject: s"}`, `User is denied operation Write on Subject: s (403/40301); let the user of registry.username do this, or have somebody do it who may`},
		"invalid":      {422, `{"error_code":42201,"message":"Invalid schema: a-b"}`, `Invalid schema: a-b (422/42201); rename or retype what the registry names`},
		"read only":    {422, `{"error_code":42205,"message":"Subject s is in read-only mode"}`, `Subject s is in read-only mode (422/42205); the subject is not open for writing: curl -X PUT -H 'Content-Type: application/json' -d '{"mode":"READWRITE"}' 'URL/mode'`},
		"not the API":  {404, `<html>nginx`, `<html>nginx (404); mend registry.url (URL): it must be the root of the registry's API`},
		"broken":       {501, ``, `no response (501); look into the registry's own log at URL`},
	} {
		t.Run(name, func(t *testing.T) {
			url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tc.status)
				_, _ = w.Write([]byte(tc.body))
			}))
			_, err := open(t, registry.Config{URL: url, Username: "ann", Password: "hush"}).Register(timeout(t), "s", `"int"`)
			if err == nil || !errors.Is(err, registry.ErrRefused) {
				t.Fatalf("got %v", err)
			}
			got := strings.ReplaceAll(err.Error(), url, "URL")
			if want := `subject "s": its schema cannot be registered at URL: ` + tc.want; got != want || strings.Contains(got, "hush") {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

func TestUnknownID(t *testing.T) {
	_, err := open(t, registry.Config{URL: start(t, nil)}).Schema(timeout(t), 99)
	if !errors.Is(err, registry.ErrRefused) || !strings.Contains(err.Error(), "schema 99: is not known to the registry at ") {
		t.Error(err)
	}
}

func TestCheckNamesTheMissingRegistry(t *testing.T) {
	web := httptest.NewServer(nil)
	url := web.URL
	web.Close()
	err := open(t, registry.Config{URL: url}).Check(timeout(t))
	if err == nil {
		t.Fatal("nobody answered")
	}
	got := strings.ReplaceAll(err.Error(), url, "URL")
	for _, part := range []string{"registry.url: no schema registry answers at URL: dial tcp ", "connection refused; start the registry at URL or mend registry.url"} {
		if !strings.Contains(got, part) {
			t.Errorf("%q lacks %q", got, part)
		}
	}
}

func TestBasicAuth(t *testing.T) {
	url := start(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if user, password, _ := r.BasicAuth(); user != "ann" || password != "hush" {
				http.Error(w, `{"error_code":40101,"message":"Unauthorized"}`, http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	ctx := timeout(t)
	if err := open(t, registry.Config{URL: url, Username: "ann", Password: "hush"}).Check(ctx); err != nil {
		t.Error(err)
	}
	err := open(t, registry.Config{URL: url, Username: "ann", Password: "wr0ng"}).Check(ctx)
	if err == nil || !strings.Contains(err.Error(), "mend registry.username and registry.password") || strings.Contains(err.Error(), "wr0ng") {
		t.Error(err)
	}
}
