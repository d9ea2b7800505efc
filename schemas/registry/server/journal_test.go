package server

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestRestartKeepsEverything(t *testing.T) {
	opts := broker(t)
	s, err := New(timeout(t), opts, nil)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, s, "POST /subjects/s/versions", schema(fieldA), 200, `{"id":1}`)
	expect(t, s, "POST /subjects/s/versions", schema(fieldA+","+fieldB0), 200, `{"id":2}`)
	expect(t, s, "POST /subjects/gone/versions", `{"schema":"\"long\""}`, 200, `{"id":3}`)
	expect(t, s, "DELETE /subjects/gone", "", 200, `[1]`)
	expect(t, s, "PUT /config/s", `{"compatibility":"NONE"}`, 200, `{"compatibility":"NONE"}`)
	s.Close()

	s = start(t, opts)
	expect(t, s, "GET /subjects", "", 200, `["s"]`)
	expect(t, s, "GET /subjects?deleted=true", "", 200, `["gone","s"]`)
	expect(t, s, "GET /config/s", "", 200, `{"compatibilityLevel":"NONE"}`)
	expect(t, s, "POST /subjects/s/versions", schema(fieldA+","+fieldB0), 200, `{"id":2}`)
	expect(t, s, "POST /subjects/s/versions", `{"schema":"\"int\""}`, 200, `{"id":4}`)
}

// The records are those of Confluent's registry, byte by byte in the keys, by
// which the topic is compacted.
func TestRecords(t *testing.T) {
	opts := broker(t)
	s := start(t, opts)
	for _, r := range [][2]string{
		{"POST /subjects/s/versions", `{"schema":"\"int\""}`},
		{"PUT /config", `{"compatibility":"FULL"}`},
		{"PUT /config/s", `{"compatibility":"NONE"}`},
		{"DELETE /config/s", ""},
		{"DELETE /subjects/s", ""},
		{"DELETE /subjects/s?permanent=true", ""},
	} {
		if status, body := ask(s, r[0], r[1]); status != 200 {
			t.Fatal(r[0], status, body)
		}
	}
	var got []string
	cl, err := kgo.NewClient(append(opts, kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	want := []string{
		`{"keytype":"SCHEMA","subject":"s","version":1,"magic":1} {"subject":"s","version":1,"id":1,"schema":"\"int\"","deleted":false}`,
		`{"keytype":"CONFIG","subject":null,"magic":0} {"compatibilityLevel":"FULL"}`,
		`{"keytype":"CONFIG","subject":"s","magic":0} {"compatibilityLevel":"NONE"}`,
		`{"keytype":"CONFIG","subject":"s","magic":0} `,
		`{"keytype":"DELETE_SUBJECT","subject":"s","magic":0} {"subject":"s","version":1}`,
		`{"keytype":"SCHEMA","subject":"s","version":1,"magic":1} `,
		`{"keytype":"DELETE_SUBJECT","subject":"s","magic":0} `,
	}
	for len(got) < len(want) {
		f := cl.PollFetches(timeout(t))
		if err := f.Err(); err != nil {
			t.Fatal(err)
		}
		f.EachRecord(func(r *kgo.Record) { got = append(got, string(r.Key)+" "+string(r.Value)) })
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("got:\n%s\nwant:\n%s", g, w)
	}
}

// Another registry's records, and rubbish, must not stop this one.
func TestForeignRecords(t *testing.T) {
	opts := broker(t, kfake.SeedTopics(1, topic))
	cl, err := kgo.NewClient(append(opts, kgo.DefaultProduceTopic(topic))...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for _, r := range [][2]string{
		{`{"keytype":"NOOP","magic":0}`, ``},
		{`{"keytype":"MODE","subject":null,"magic":0}`, `{"mode":"READWRITE"}`},
		{`{"keytype":"SCHEMA","subject":"p","version":1,"magic":1}`, `{"subject":"p","version":1,"id":41,"schemaType":"PROTOBUF","schema":"syntax = \"proto3\";","deleted":false}`},
		{`rubbish`, `rubbish`},
		{`{"keytype":"SCHEMA","subject":"s","version":1,"magic":1}`, `{"subject":"s","version":1,"id":40,"md5Hash":"x","schema":"\"int\"","deleted":false}`},
	} {
		if err := cl.ProduceSync(timeout(t), kgo.KeySliceRecord([]byte(r[0]), []byte(r[1]))).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	s := start(t, opts)
	expect(t, s, "GET /schemas/ids/40", "", 200, `{"schema":"\"int\""}`)
	expect(t, s, "POST /subjects/s/versions", `{"schema":"\"long\""}`, 200, `{"id":42}`)
}

// Servers that write at the same time fence each other and must still give
// every schema one id, and no id twice.
func TestServersShareOneTopic(t *testing.T) {
	opts := broker(t)
	servers := []*Server{start(t, opts), start(t, opts), start(t, opts)}
	const schemas = 8
	var mu sync.Mutex
	ids := make(map[int]map[int]bool) // by schema
	var wg sync.WaitGroup
	for _, s := range servers {
		wg.Go(func() {
			for i := range schemas {
				body := fmt.Sprintf(`{"schema":"{\"type\":\"fixed\",\"name\":\"F%d\",\"size\":1}"}`, i)
				status, answer := ask(s, fmt.Sprintf("POST /subjects/s%d/versions", i), body)
				var got struct{ ID int }
				if err := json.Unmarshal([]byte(answer), &got); err != nil || status != 200 {
					t.Errorf("%d %s: %v", status, answer, err)
					return
				}
				mu.Lock()
				if ids[i] == nil {
					ids[i] = make(map[int]bool)
				}
				ids[i][got.ID] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()

	owner := make(map[int]int)
	for i, of := range ids {
		if len(of) != 1 {
			t.Errorf("schema %d got the ids %v", i, of)
		}
		for id := range of {
			if other, taken := owner[id]; taken {
				t.Errorf("id %d was given to schemas %d and %d", id, other, i)
			}
			owner[id] = i
		}
	}
	// What one has written, the others know at once.
	expect(t, servers[0], "POST /subjects/late/versions", `{"schema":"\"bytes\""}`, 200, fmt.Sprintf(`{"id":%d}`, schemas+1))
	for _, s := range servers[1:] {
		expect(t, s, "GET /subjects/late/versions", "", 200, `[1]`)
	}
}

// A schema is answered from memory while the brokers are away, and a write says
// what it waits for.
func TestBrokerAway(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, []kgo.Opt{kgo.SeedBrokers(c.ListenAddrs()...)})
	expect(t, s, "POST /subjects/s/versions", `{"schema":"\"int\""}`, 200, `{"id":1}`)
	c.Close()
	expect(t, s, "GET /schemas/ids/1", "", 200, `{"schema":"\"int\""}`)

	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := s.journal.update(ctx, func(*store) ([]entry, error) { return []entry{{key: configKey{Type: "CONFIG"}}}, nil }); err == nil {
		t.Error("a write without a broker succeeded")
	}
}

func TestTopicOfManyPartitionsIsRefused(t *testing.T) {
	opts := broker(t, kfake.SeedTopics(3, topic))
	if s, err := New(timeout(t), opts, slog.New(slog.DiscardHandler)); err == nil {
		s.Close()
		t.Error("a topic of three partitions was taken")
	} else if want := "topic _schemas has 3 partitions; a registry's topic has one"; err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestTopicIsCompacted(t *testing.T) {
	opts := broker(t)
	start(t, opts)
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	configs, err := kadm.NewClient(cl).DescribeTopicConfigs(timeout(t), topic)
	if err != nil {
		t.Fatal(err)
	}
	policy := ""
	for _, c := range configs[0].Configs {
		if c.Key == "cleanup.policy" {
			policy = c.MaybeValue()
		}
	}
	if policy != "compact" {
		t.Errorf("cleanup.policy=%s", policy)
	}
}
