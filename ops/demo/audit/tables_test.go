package audit

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// record is an envelope of a row {id, name, revision}.
func record(op, id, name string, revision int) string {
	row := fmt.Sprintf(`{"id": %s, "name": %q, "revision": %d}`, id, name, revision)
	if op == "d" {
		return fmt.Sprintf(`{"before": %s, "after": null, "op": "d"}`, row)
	}
	return fmt.Sprintf(`{"before": null, "after": %s, "op": %q}`, row, op)
}

func TestJudgeTables(t *testing.T) {
	// Row 1 was copied and changed once; row 2 came, and went; row 3 was copied
	// alone.
	faithful := []string{
		record("r", "1", "a", 1), record("r", "3", "c", 1), record("c", "2", "b", 1),
		record("u", "1", "A", 2), record("u", "2", "B", 2), record("d", "2", "B", 2),
	}
	without := func(i int) []string { return append(append([]string(nil), faithful[:i]...), faithful[i+1:]...) }
	rows := map[string]string{"1": `{"id": 1, "name": "A", "revision": 2}`, "3": `{"id": 3, "name": "c", "revision": 1}`}
	journal := map[change]int{{"2", "c", 1}: 1, {"1", "u", 2}: 1, {"2", "u", 2}: 1, {"2", "d", 2}: 1}
	for _, c := range []struct {
		name          string
		records       []string
		lost, doubled int
		says          string
	}{
		{"faithful", faithful, 0, 0, ""},
		{"a copy is missing", without(1), 1, 0, "missing in the topic"},
		{"a change is missing, and its row is old", without(3), 2, 0, "name is a, should be A"},
		{"a change is missing that a later one covers", without(4), 1, 0, "the update that made revision 2 has 0 of 1 records"},
		{"a delete is missing", without(5), 2, 0, "deleted in the CRM, still in the topic"},
		{"a change came twice", append(append([]string(nil), faithful[:4]...), faithful[3:]...), 0, 2, "has 2 records instead of 1"},
		{"a row was copied twice", append(append([]string(nil), faithful[:2]...), faithful[1:]...), 0, 2, "copied 2 times"},
		{"a copy is older than the change before it", append(without(0), faithful[0]), 1, 1, "revision 1 came after revision 2"},
		{"a change that never was", append(append([]string(nil), faithful...), record("c", "4", "x", 1), record("d", "4", "x", 1)), 0, 2, "never was"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newReplay("crm.things")
			for _, r := range c.records {
				if err := p.take(json.RawMessage(r)); err != nil {
					t.Fatal(err)
				}
			}
			line, err := p.judge(rows, journal)
			if err != nil {
				t.Fatal(err)
			}
			if line.Lost != c.lost || line.Doubled != c.doubled {
				t.Errorf("lost %d, doubled %d, want %d and %d: %v", line.Lost, line.Doubled, c.lost, c.doubled, p.wrong)
			}
			if said := fmt.Sprint(p.wrong); !strings.Contains(said, c.says) {
				t.Errorf("it says %s, want %q", said, c.says)
			}
			r := Report{Tables: []TableLine{line}}
			if ok := r.Verdict() == nil; ok != (c.lost+c.doubled == 0) {
				t.Errorf("the verdict is %v", r.Verdict())
			}
		})
	}
}

func TestTakeRefusesWhatItCannotJudge(t *testing.T) {
	for _, r := range []string{`{"op": "c", "after": {"id": 1}}`, `{"op": "t"}`, `{"undecoded": "AA==", "error": "unknown schema"}`} {
		if err := newReplay("crm.things").take(json.RawMessage(r)); err == nil {
			t.Errorf("%s passes", r)
		}
	}
}
