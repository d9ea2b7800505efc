package postgres

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"

	"sluice/capture/capturetest"
	"sluice/schemas"
)

func TestColumnsAreValidated(t *testing.T) {
	good := Columns{
		Include: []string{"public.customers.*"}, Exclude: []string{"*.*.password"}, Mask: []string{"public.a.b.c"},
		Hash: []string{"public.customers.email"}, Salt: "pepper", Truncate: map[string]int{"public.notes.body": 100},
	}
	if err := good.validate(); err != nil {
		t.Errorf("%+v: %v", good, err)
	}
	for says, c := range map[string]Columns{
		`columns.include[0]: "customers.name" is no`: {Include: []string{"customers.name"}},
		`columns.exclude[1]: "a..b"`:                 {Exclude: []string{"a.b.c", "a..b"}},
		`columns.mask[0]: "a.b.[" is no`:             {Mask: []string{"a.b.["}},
		"columns.salt: missing":                      {Hash: []string{"a.b.c"}},
		"columns.truncate.a.b.c: 0 is no length":     {Truncate: map[string]int{"a.b.c": 0}},
		`columns.truncate.a: "a" is no`:              {Truncate: map[string]int{"a": 1}},
	} {
		err := Config{DSN: "postgres://localhost/erp", Tables: []string{"public.a"}, Columns: c}.Validate()
		var f *schemas.Fault
		if !errors.As(err, &f) || !strings.Contains(err.Error(), says) || f.Cure == "" {
			t.Errorf("%+v: %v; want %q and a cure", c, err, says)
		}
	}
}

// TestColumnsAreLeftOutAndChanged in snapshot and stream, in every image, in
// keys, and behind changes of the table.
func TestColumnsAreLeftOutAndChanged(t *testing.T) {
	b := newBed(t)
	b.exec(t, `CREATE TYPE shape AS (a int);
		CREATE TABLE people (secret text, email text PRIMARY KEY, name text, card int, note varchar(50), shape shape, born date);
		ALTER TABLE people REPLICA IDENTITY FULL`)
	row := func(email, note string) string {
		return fmt.Sprintf("('geheim', '%s', 'Ada', 7, '%s', ROW(1), '2024-02-29')", email, note)
	}
	b.exec(t, "INSERT INTO people VALUES "+row("a@x", "grün ist gut"))
	c := b.config("public.people")
	c.UnknownTypes = Refuse
	c.Columns = Columns{
		Exclude: []string{"public.*.secret", "*.people.shape"}, Mask: []string{"public.people.card", "public.people.born"},
		Hash: []string{"public.people.email"}, Salt: "pepper", Truncate: map[string]int{"public.people.no*": 4, "*.*.note": 9},
	}
	var log logged
	s, err := c.New("erp", log.logger())
	if err != nil {
		t.Fatal(err)
	}
	r := capturetest.Open(t, s, "")
	snapshot := r.Read(1)
	r.Next() // the end of the snapshot, which holds the lock of the table
	b.exec(t, "INSERT INTO people VALUES "+row("b@x", "no"))
	b.exec(t, "UPDATE people SET name = NULL, card = NULL WHERE email = 'b@x'")
	b.exec(t, "UPDATE people SET email = 'c@x' WHERE email = 'b@x'")
	b.exec(t, "ALTER TABLE people DROP COLUMN secret, ADD COLUMN number int, ADD COLUMN hidden_secret text")
	b.exec(t, "DELETE FROM people WHERE email = 'c@x'")
	hash := func(v string) string { return fmt.Sprintf(`"%x"`, sha256.Sum256([]byte("pepper"+v))) }
	image := func(email, name, card, note, more string) string {
		return fmt.Sprintf(`{email: %s, name: %s, card: %s, note: %s, born: "****"%s}`, hash(email), name, card, note, more)
	}
	after := image("b@x", "null", "null", `"no"`, "")
	want := []string{
		"r people => " + image("a@x", `"Ada"`, `"****"`, `"grün"`, ""),
		"c people => " + image("b@x", `"Ada"`, `"****"`, `"no"`, ""),
		"u people " + image("b@x", `"Ada"`, `"****"`, `"no"`, "") + " => " + after,
		"d people " + after + " newkey {" + hash("c@x") + "}",
		"c people => " + image("c@x", "null", "null", `"no"`, "") + " oldkey {" + hash("b@x") + "}",
		"d people " + image("c@x", "null", "null", `"no"`, ", number: null, hidden_secret: null"),
	}
	for i, got := range append(snapshot, r.Read(5)...) {
		if got.Text != want[i] {
			t.Errorf("change %d is\n%s\nwant\n%s", i, got.Text, want[i])
		}
	}
	if strings.Contains(log.String(), "no column of the captured tables") {
		t.Errorf("the log complains: %s", log.String())
	}
}

func TestColumnsThatCannotBe(t *testing.T) {
	b := newBed(t)
	b.exec(t, "CREATE TABLE items (id int PRIMARY KEY, n int, big text); CREATE TABLE other (id int PRIMARY KEY)")
	for says, c := range map[string]Columns{
		"postgres.columns.exclude: public.items.id":  {Exclude: []string{"public.items.i*"}},
		"postgres.columns.mask: public.items.id":     {Mask: []string{"public.*.*"}},
		"postgres.columns.truncate: public.items.id": {Truncate: map[string]int{"public.items.id": 3}},
		"public.items.n: columns.truncate names it":  {Truncate: map[string]int{"public.items.n": 3}},
	} {
		cfg := b.config("public.items")
		cfg.Columns = c
		wantFault(t, b.source(t, cfg), "", says)
	}
	t.Run("included", func(t *testing.T) {
		var log logged
		c := b.config("public.items", "public.other")
		c.Columns = Columns{Include: []string{"public.items.big", "public.items.bigg"}}
		s, err := c.New("erp", log.logger())
		if err != nil {
			t.Fatal(err)
		}
		r := capturetest.Open(t, s, "")
		b.exec(t, "INSERT INTO items VALUES (1, 2, 'x'); INSERT INTO other VALUES (3)")
		got := r.Read(2)
		for i, want := range []string{`c items => {id: 1, big: "x"}`, "c other => {id: 3}"} {
			if got[i].Text != want {
				t.Errorf("change %d is %s, want %s", i, got[i].Text, want)
			}
		}
		if !strings.Contains(log.String(), "pattern=public.items.bigg") || strings.Contains(log.String(), "pattern=public.items.big\n") {
			t.Errorf("the log says %s", log.String())
		}
	})
}
