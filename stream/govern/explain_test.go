package govern_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"sluice/stream/govern"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestExplanationsReadWell compares with files that show each sort of reason.
func TestExplanationsReadWell(t *testing.T) {
	table := customer()
	p := policy(t, authority(t, `
owners: [erp, crm]
trust: {erp: 1, crm: 0.5}
deletes: review
fields:
  email: {survivorship: most_recent, lock: 10m, review: true}
  limit: {survivorship: sum}
  name: {survivorship: longest}
  phone: {owners: [crm]}
  since: {survivorship: min}
  tags: {survivorship: most_frequent}
  score: {survivorship: highest_trust}`), table)
	s := state(script(t, table, `
		10:00 erp/1 email=anna@erp name=Anna limit=1.00 tags=a,b phone=1 since=2020-01-01 score=1.5 orders=3
		10:05 crm/7 email=anna@crm name=Anna_Maria limit=2.50 tags=a phone=- since=2019-05-01 score=2
		10:06 crm/8 tags=a phone=22 name=Äñña email=a@b limit=-0.25
		10:07 shop/3 name=X
		10:08 shop/3 deleted
		10:09 shop/4 orders=4
		10:10 shop/4 moved
		10:11 shop/5 phone=33 orders=5 name=An`))
	e := govern.Explain(p, "C-4711", s)
	var plain, colour bytes.Buffer
	if err := e.Text(&plain, false); err != nil {
		t.Fatal(err)
	}
	if err := e.Text(&colour, true); err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string][]byte{"explain.txt": plain.Bytes(), "explain.json": append(asJSON, '\n')} {
		file := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(file, got, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is otherwise (go test -update writes it anew):\n%s", name, got)
		}
	}
	if !bytes.Contains(colour.Bytes(), []byte("\x1b[32m")) {
		t.Error("no colour")
	}
}

func TestTextObeysNoValue(t *testing.T) {
	table := customer()
	events := script(t, table, `10:00 erp/1 email=x`)
	copy(events[0].Row[0].Bytes, "\x1b")
	events[0].Record = "erp/\x1b[2J"
	var out bytes.Buffer
	if err := govern.Explain(policy(t, authority(t, ``), table), "g\n\x1b", state(events)).Text(&out, false); err != nil {
		t.Fatal(err)
	}
	if bytes.ContainsRune(out.Bytes(), '\x1b') {
		t.Errorf("%q", out.String())
	}
}
