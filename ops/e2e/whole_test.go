package e2e

import (
	"context"
	"encoding/json"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"sluice/ops/demo/audit"
	"sluice/ops/demo/crm"
	"sluice/ops/demo/world"
	"sluice/ops/local"
	"sluice/ops/local/localtest"
	"sluice/schemas"
)

func TestWholeWay(t *testing.T) {
	for _, kafka := range []string{"embedded", "apache"} {
		t.Run(kafka, func(t *testing.T) {
			s := newStage(t, world.Options{
				Apache: kafka == "apache", Customers: 300,
				Faults: crm.Faults{Seed: 7, Errors: 0.02, Resets: 0.01, Rate: 2000},
			}, "capture", "stream", "sink")
			s.during(func() { pause(t.Context(), 5*time.Second) })
			s.drain(2 * time.Minute)
			r := s.audit()
			if r.Total.Captured == 0 || r.Total.Filtered == 0 || r.Total.Delivered == 0 {
				t.Errorf("the run proves nothing: %+v", r.Total)
			}
			s.invariant()
			if k, ok := s.Broker.(*local.Kafka); ok {
				s.consoleConsumer(k, r)
			}
		})
	}
}

// invariant asserts consumed = delivered + filtered + parked of every engine.
func (s *stage) invariant() {
	s.t.Helper()
	for role, name := range map[string]string{"stream": "sluice_stream_records_total", "sink": "sluice_sink_records_total"} {
		fates := s.fates(role, name)
		if got := fates["delivered"] + fates["filtered"] + fates["parked"]; fates["consumed"] == 0 || fates["consumed"] != got {
			s.t.Errorf("%s: consumed %v, but delivered + filtered + parked = %v (%v)", role, fates["consumed"], got, fates)
		}
	}
}

// consoleConsumer reads the raw topics with Apache Kafka's own consumer and
// compares the number of records.
func (s *stage) consoleConsumer(k *local.Kafka, r *audit.Report) {
	s.t.Helper()
	for i, e := range audit.Entities {
		ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
		out, err := k.ConsoleConsumer(ctx, e.RawTopic("erp"), "--formatter-property", "print.key=true",
			"--formatter-property", "print.value=false", "--formatter-property", "print.headers=true")
		cancel()
		if err != nil {
			s.t.Fatal(err)
		}
		events := distinct(out)
		if want := r.Lines[i].Captured; events != want {
			s.t.Errorf("%s: Kafka's console consumer reads %d events, the audit %d", e.RawTopic("erp"), events, want)
		}
	}
}

func TestDemoVerb(t *testing.T) {
	for flavour, server := range map[local.Flavour]func(testing.TB) *local.MySQL{
		local.FlavourMySQL: localtest.MySQL, local.FlavourMariaDB: localtest.MariaDB,
	} {
		t.Run(string(flavour), func(t *testing.T) {
			localtest.Postgres(t) // says why it skips where there is none
			server(t)
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			out, err := exec.CommandContext(ctx, binary, "demo", "--for", "3s", "--customers", "200", "--crm", string(flavour), "-o", "json").Output()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			lines := strings.Split(strings.TrimSpace(string(out)), "\n")
			var r audit.Report
			if err := json.Unmarshal([]byte(lines[len(lines)-1]), &r); err != nil {
				t.Fatalf("the last line is no JSON: %v: %s", err, out)
			}
			if r.Total.Lost != 0 || r.Total.Doubled != 0 || r.Total.Delivered == 0 {
				t.Errorf("%+v", r.Total)
			}
			if len(r.Tables) == 0 || !strings.HasPrefix(r.Server, flavour.Product()) {
				t.Errorf("the CRM's tables on %s are %+v", r.Server, r.Tables)
			}
			for _, l := range r.Tables {
				if l.Copied == 0 || l.Changes == 0 || l.Captured != l.Copied+l.Changes || l.Lost != 0 || l.Doubled != 0 {
					t.Errorf("%+v", l)
				}
			}
		})
	}
}

// distinct counts the events by their position header; a delete and the
// tombstone behind it carry the same one.
func distinct(printed []byte) int {
	seen := map[string]bool{}
	for _, m := range positionHeader.FindAllSubmatch(printed, -1) {
		seen[string(m[1])] = true
	}
	return len(seen)
}

var positionHeader = regexp.MustCompile(schemas.HeaderPosition + ":([^,\t]+)")
