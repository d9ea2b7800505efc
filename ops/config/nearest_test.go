package config

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"tables", "slot", "snapshot", "dsn", "publication"}
	for name, want := range map[string]string{
		"tabels": "tables", "Tables": "tables", "table": "tables", "snaphsot": "snapshot", "dns": "dsn",
		"publications": "publication", "host": "", "x": "", "": "",
	} {
		if got := nearest(name, known); got != want {
			t.Errorf("nearest to %q = %q, want %q", name, got, want)
		}
	}
}
