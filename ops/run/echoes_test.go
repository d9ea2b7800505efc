package run

import (
	"context"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"sluice/schemas"
	"sluice/sinks"
	"sluice/stream/loop"
)

// TestOutcomesOfDeliveries looks at what is left of a mark after each outcome: a
// target that was not reached for certain will send no echo.
func TestOutcomesOfDeliveries(t *testing.T) {
	table := &schemas.Table{Columns: []schemas.Column{{Name: "name", Type: schemas.Type{Name: schemas.StringType}}}}
	for name, c := range map[string]struct {
		action string
		err    *sinks.Error
		marked bool
		has    bool
	}{
		"taken":     {"updated", nil, true, true},
		"unchanged": {"unchanged", nil, false, false},
		"refused":   {"", &sinks.Error{Class: sinks.Permanent}, false, false},
		"throttled": {"", &sinks.Error{Class: sinks.Throttled}, false, false},
		"stopped":   {"", &sinks.Error{Class: sinks.Stop}, false, false},
		"broken":    {"", &sinks.Error{Class: sinks.Retry}, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			server := miniredis.RunT(t)
			client := redis.NewClient(&redis.Options{Addr: server.Addr()})
			defer client.Close()
			var cfg loop.Config
			cfg.Defaults()
			e := echoes{loop.NewMarks("crm", []loop.Echo{{
				Sink: "crm", Entity: "customer", Topic: "crm.crm.contacts", Key: "external_id", Fields: map[string]string{"name": "label"}, Complete: true,
			}}, cfg, loop.OnRedis(client))}
			batch := []*sinks.Delivery{{
				Topic: "entity.customer", Key: []byte("4711"), Table: table,
				Row: schemas.Row{schemas.TextOf([]byte("Jones"))}, IdempotencyKey: "once",
			}}
			before := func() bool {
				has, err := e.Before(context.Background(), batch)
				if err != nil {
					t.Fatal(err)
				}
				return has[0]
			}
			if before() {
				t.Fatal("nothing was written, and the target has it")
			}
			batch[0].Receipt.Action = c.action
			if err := e.After(context.Background(), batch, []*sinks.Error{c.err}); err != nil {
				t.Fatal(err)
			}
			fields, err := server.HKeys("sluice:loop:{crm/customer/key/4711}")
			if err != nil {
				t.Fatal(err)
			}
			marked := false
			for _, f := range fields {
				marked = marked || strings.HasPrefix(f, "m:")
			}
			if has := before(); marked != c.marked || has != c.has {
				t.Errorf("marked %v, want %v; the target has it: %v, want %v", marked, c.marked, has, c.has)
			}
		})
	}
}
