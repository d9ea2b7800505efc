package postgres

import (
	"testing"

	"sluice/capture/capturetest"
)

// TestRenames follows a table out of the configured names and into them.
func TestRenames(t *testing.T) {
	b := newBed(t)
	b.exec(t, "CREATE TABLE items (id int PRIMARY KEY); CREATE TABLE marks (id int PRIMARY KEY); CREATE SCHEMA one; CREATE TABLE one.parts (id int PRIMARY KEY)")
	var log logged
	c := b.config("public.*s", "one.*")
	s, err := c.New("erp", log.logger())
	if err != nil {
		t.Fatal(err)
	}
	r := capturetest.Open(t, s, "")
	b.exec(t, "INSERT INTO items VALUES (1); INSERT INTO one.parts VALUES (1)")
	wantTexts(t, r.Read(2), "public c items => {id: 1}", "one c parts => {id: 1}")
	b.exec(t, "ALTER TABLE items RENAME TO thing")
	b.exec(t, "INSERT INTO thing VALUES (2); INSERT INTO marks VALUES (1)")
	wantTexts(t, r.Read(1), "public c marks => {id: 1}")
	log.await(t, "renamed to a name that is not configured")
	b.exec(t, "ALTER TABLE thing RENAME TO goods; INSERT INTO goods VALUES (3)")
	wantTexts(t, r.Read(1), "public c goods => {id: 3}")
	b.exec(t, "ALTER TABLE one.parts SET SCHEMA public; INSERT INTO parts VALUES (2)")
	wantTexts(t, r.Read(1), "public c parts => {id: 2}")
}

// TestSchemaRenamed: a server tells of a schema's new name when the session, or
// the table's layout, is new; until then it calls the table by the old one.
func TestSchemaRenamed(t *testing.T) {
	b := newBed(t)
	b.exec(t, "CREATE SCHEMA one; CREATE TABLE one.parts (id int PRIMARY KEY)")
	c := b.config("one*.*")
	r := capturetest.Open(t, b.source(t, c), "")
	b.exec(t, "INSERT INTO one.parts VALUES (1)")
	wantTexts(t, r.Read(1), "one c parts => {id: 1}")
	b.exec(t, "ALTER SCHEMA one RENAME TO one_more")
	b.exec(t, "ALTER TABLE one_more.parts ADD COLUMN n int; INSERT INTO one_more.parts VALUES (2)")
	wantTexts(t, r.Read(1), "one_more c parts => {id: 2, n: null}")
	b.exec(t, "ALTER SCHEMA one_more RENAME TO one_last")
	r.Close()
	b.exec(t, "INSERT INTO one_last.parts VALUES (3)")
	again := capturetest.Open(t, b.source(t, c), r.Last())
	wantTexts(t, again.Read(1), "one_last c parts => {id: 3, n: null}")
}
