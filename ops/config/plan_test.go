package config

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestLoopPlan(t *testing.T) {
	f := good(t, "loop.yaml")
	p := f.LoopPlan("customer")
	if len(p.Echoes) != 1 || len(p.Watched) != 0 || !slices.Equal(p.Sinks, []string{"crm"}) {
		t.Fatalf("the plan is %+v", p)
	}
	e := p.Echoes[0]
	reads := strings.Join(slices.Sorted(maps.Keys(e.Reads)), " ")
	for what, pair := range map[string][2]any{
		"sink":     {e.Sink + " " + e.Entity + " " + e.Topic, "crm customer crm.crm.contacts"},
		"key":      {e.Key, "external_id"},
		"field":    {e.Fields["name"], "label"},
		"complete": {e.Complete, true},
		"reads":    {reads, "customer external_id kind phone trim"},
		"path":     {e.Path, "customer -> sink crm -> crm.crm.contacts -> customer"},
		"bounces":  {f.Loop.Bounces, 3},
		"keep":     {f.Loop.Keep, 48 * time.Hour},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %v, want %v", what, pair[0], pair[1])
		}
	}
	// A report is told what the sink wrote: it leads to no sink.
	if p := f.LoopPlan("report"); !p.Empty() {
		t.Errorf("the report is guarded: %+v", p)
	}
	if n := len(f.SinkEchoes("crm")); n != 1 {
		t.Errorf("the sink has %d echoes, want 1", n)
	}
	if loops := f.Loops(); len(loops) != 0 {
		t.Errorf("loops: %+v", loops)
	}

	crm := f.Sinks["crm"]
	crm.API.Update.Body = ""
	if f.LoopPlan("customer").Echoes[0].Complete {
		t.Error("the sink writes the phone too, and the echo does not say where")
	}
	crm.Echo = nil
	if p := f.LoopPlan("customer"); len(p.Echoes) != 0 || len(p.Watched) != 1 || p.Watched[0].Topic != "crm.crm.contacts" {
		t.Errorf("without an echo the plan is %+v", p)
	}
	f.Sinks["crm"].System = ""
	if p := f.LoopPlan("customer"); !p.Empty() {
		t.Errorf("nobody knows where the sink writes to, and the plan is %+v", p)
	}
}

// TestGuardsOfOneEchoReadAlike: the guards of two entities that are made from the
// topic in which an echo comes decide alike, whichever sees a change first. Else
// one would drop what a person told the other by a column that it does not read.
func TestGuardsOfOneEchoReadAlike(t *testing.T) {
	f := good(t, "loop.yaml")
	// What the CRM is told of the report comes back to the customer, too.
	f.Sinks["crm"].Entities = append(f.Sinks["crm"].Entities, "report")
	f.Sinks["crm"].Echo["report"] = &Echo{Topic: "crm.crm.contacts", Key: "external_id", Fields: map[string]string{"label": "phone"}}
	reads := map[string]string{}
	for _, guarded := range []string{"customer", "report"} {
		plan := f.LoopPlan(guarded)
		for _, e := range plan.Echoes {
			now := strings.Join(slices.Sorted(maps.Keys(e.Reads)), " ")
			if before, ok := reads[e.Entity]; ok && before != now {
				t.Errorf("of the echo of %s one guard reads %s and another %s", e.Entity, before, now)
			}
			reads[e.Entity] = now
		}
	}
	// Each waits for the echoes of both.
	if len(reads) != 2 || !strings.Contains(reads["customer"], "phone") || !strings.Contains(reads["report"], "label") {
		t.Errorf("reads %v", reads)
	}
}

func TestALoopNeedsARedis(t *testing.T) {
	f := good(t, "loop.yaml")
	f.Redis.URL = ""
	faults := f.memoryFaults()
	if len(faults) != 1 || !strings.Contains(faults[0].Error(), "sinks.crm.system: what is written comes back to the entity customer, and there is no Redis") {
		t.Errorf("faults %v", faults)
	}
}
