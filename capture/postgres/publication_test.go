package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice/capture/capturetest"
	"sluice/schemas"
)

func texts(seen []capturetest.Seen) string {
	var out []string
	for _, s := range seen {
		out = append(out, s.Table.Schema+" "+s.Text)
	}
	return strings.Join(out, "\n")
}

func wantTexts(t *testing.T, got []capturetest.Seen, want ...string) {
	t.Helper()
	if g, w := texts(got), strings.Join(want, "\n"); g != w {
		t.Errorf("got\n%s\nwant\n%s", g, w)
	}
}

// TestRowFilterAndColumnList: the snapshot reads the rows and columns that the
// log carries.
func TestRowFilterAndColumnList(t *testing.T) {
	b := newBed(t)
	b.needs(t, 15)
	b.exec(t, `CREATE TABLE items (id int PRIMARY KEY, secret text, name text, twice int GENERATED ALWAYS AS (id * 2) STORED);
		INSERT INTO items VALUES (1, 's', 'a'), (2, 's', 'b'), (3, 's', 'c')`)
	b.exec(t, fmt.Sprintf(`CREATE PUBLICATION %s FOR TABLE items (id, name) WHERE (id <> 2)`, b.slot))
	r := capturetest.Open(t, b.source(t, b.config("public.items")), "")
	got := r.Read(2)
	wantTexts(t, got, `public r items => {id: 1, name: "a"}`, `public r items => {id: 3, name: "c"}`)
	table := got[0].Table
	b.exec(t, "INSERT INTO items VALUES (4, 's', 'd'); UPDATE items SET id = 2 WHERE id = 2; UPDATE items SET id = 5 WHERE id = 2; UPDATE items SET name = 'e' WHERE id = 1")
	got = r.Read(3)
	wantTexts(t, got, `public c items => {id: 4, name: "d"}`, `public c items => {id: 5, name: "b"}`, `public u items => {id: 1, name: "e"}`)
	if got[0].Table != table {
		t.Error("the stream's rows are of another Table than the snapshot's")
	}
}

// TestGeneratedColumn: stored generated columns come as PostgreSQL publishes
// them, from the snapshot too.
func TestGeneratedColumn(t *testing.T) {
	b := newBed(t)
	b.exec(t, `CREATE TABLE items (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED, name text);
		INSERT INTO items VALUES (1, DEFAULT, 'a')`)
	r := capturetest.Open(t, b.source(t, b.config("public.items")), "")
	first := r.Read(1)
	b.exec(t, "INSERT INTO items VALUES (2, DEFAULT, 'b')")
	second := r.Read(1)
	if first[0].Table != second[0].Table || first[0].Table.Column("twice") >= 0 {
		t.Errorf("the snapshot gave %s, the stream %s", first[0].Text, second[0].Text)
	}
}

func TestPartitions(t *testing.T) {
	const tables = `CREATE TABLE orders (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
		CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM (0) TO (10);
		CREATE TABLE later (id int PRIMARY KEY, v text);
		INSERT INTO orders VALUES (1, 'a')`
	for _, test := range []struct{ mode, first, second string }{{Root, "orders", "orders"}, {Leaf, "orders_1", "later"}} {
		t.Run(test.mode, func(t *testing.T) {
			b := newBed(t)
			b.exec(t, tables)
			c := b.config("public.orders")
			c.Partitions = test.mode
			r := capturetest.Open(t, b.source(t, c), "")
			wantTexts(t, r.Read(1), fmt.Sprintf(`public r %s => {id: 1, v: "a"}`, test.first))
			b.exec(t, "UPDATE orders SET v = 'b'")
			wantTexts(t, r.Read(1), fmt.Sprintf(`public u %s => {id: 1, v: "b"}`, test.first))
			b.exec(t, "ALTER TABLE orders ATTACH PARTITION later FOR VALUES FROM (10) TO (20)")
			b.exec(t, "INSERT INTO orders VALUES (11, 'c')")
			wantTexts(t, r.Read(1), fmt.Sprintf(`public c %s => {id: 11, v: "c"}`, test.second))
			// A row that moves between partitions is deleted and created.
			b.exec(t, "UPDATE orders SET id = 2 WHERE id = 11")
			if got := r.Read(2); got[0].Op != schemas.Delete || got[1].Op != schemas.Create || got[0].Table.Name != test.second || got[1].Table.Name != test.first {
				t.Errorf("the move is %s", texts(got))
			}
			b.exec(t, "ALTER TABLE orders DETACH PARTITION later; INSERT INTO orders VALUES (3, 'e')")
			if b.version(t) >= 150000 { // before, the server goes on to send it as the root's
				b.exec(t, "INSERT INTO later VALUES (12, 'd')")
			}
			wantTexts(t, r.Read(1), fmt.Sprintf(`public c %s => {id: 3, v: "e"}`, test.first))
			b.exec(t, "INSERT INTO orders VALUES (4, 'f')")
			wantTexts(t, r.Read(1), fmt.Sprintf(`public c %s => {id: 4, v: "f"}`, test.first))
			r.Close()
			c.Partitions = map[string]string{Root: Leaf, Leaf: Root}[test.mode]
			b.idle(t)
			wantFault(t, b.source(t, c), r.Last(), "partitions is", "publish_via_partition_root =")
		})
	}
}

// TestInheritance reads of each table what is its own.
func TestInheritance(t *testing.T) {
	b := newBed(t)
	b.exec(t, `CREATE TABLE parents (id int PRIMARY KEY); CREATE TABLE children (more int) INHERITS (parents);
		INSERT INTO parents VALUES (1); INSERT INTO children VALUES (2, 2)`)
	r := capturetest.Open(t, b.source(t, b.config("public.parents")), "")
	wantTexts(t, r.Read(1), "public r parents => {id: 1}")
	b.exec(t, "INSERT INTO children VALUES (3, 3); INSERT INTO parents VALUES (4)")
	wantTexts(t, r.Read(1), "public c parents => {id: 4}")
}

func TestTablesThatNoLogCarries(t *testing.T) {
	b := newBed(t)
	b.exec(t, "CREATE UNLOGGED TABLE scratch (id int PRIMARY KEY); CREATE TABLE items (id int PRIMARY KEY); CREATE VIEW seen AS SELECT * FROM items")
	wantFault(t, b.source(t, b.config("public.scratch")), "", "tables[0]", "public.scratch", "unlogged", "SET LOGGED")
	wantFault(t, b.source(t, b.config("public.items", "public.seen")), "", "tables[1]", "public.seen", "view")
	// A pattern passes over them.
	r := capturetest.Open(t, b.source(t, b.config("public.*")), "")
	b.exec(t, "INSERT INTO scratch VALUES (1); INSERT INTO items VALUES (1)")
	wantTexts(t, r.Read(1), "public c items => {id: 1}")
}

// watched is a source that looks for new tables all the time.
func watched(t *testing.T, b *bed, tables ...string) *Source {
	s := b.source(t, b.config(tables...))
	s.watchEvery = 20 * time.Millisecond
	return s
}

// published waits until the publication has the table.
func (b *bed) published(t *testing.T, table string) {
	t.Helper()
	b.wait(t, fmt.Sprintf("SELECT count(*) FROM pg_publication_tables WHERE pubname = '%s' AND tablename = '%s'", b.slot, table), "1")
}

// wait asks until that is the answer.
func (b *bed) wait(t *testing.T, question, answer string) {
	t.Helper()
	deadline, tick := time.After(30*time.Second), time.NewTicker(10*time.Millisecond)
	defer tick.Stop()
	for b.ask(t, question) != answer {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s never said %s", question, answer)
		}
	}
}

func TestTableCreatedLater(t *testing.T) {
	t.Run("publication of our own", func(t *testing.T) {
		b := newBed(t)
		b.exec(t, "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE renamed (id int PRIMARY KEY)")
		s := watched(t, b, "public.?")
		r := capturetest.Open(t, s, "")
		b.exec(t, "INSERT INTO a VALUES (1)")
		r.Read(1)
		b.exec(t, "CREATE TABLE b (id int PRIMARY KEY)")
		b.published(t, "b")
		b.exec(t, "INSERT INTO b VALUES (1)")
		wantTexts(t, r.Read(1), "public c b => {id: 1}")
		b.exec(t, "ALTER TABLE renamed RENAME TO c")
		b.published(t, "c")
		b.exec(t, "INSERT INTO c VALUES (1); INSERT INTO a VALUES (2)")
		wantTexts(t, r.Read(2), "public c c => {id: 1}", "public c a => {id: 2}")
		// Dropped and made anew, with other columns.
		b.exec(t, "DROP TABLE b")
		b.exec(t, "CREATE TABLE b (id text PRIMARY KEY, n int)")
		b.published(t, "b")
		b.exec(t, "INSERT INTO b VALUES ('x', 1)")
		wantTexts(t, r.Read(1), `public c b => {id: "x", n: 1}`)
		// And while the source is closed.
		r.Close()
		b.exec(t, "CREATE TABLE d (id int PRIMARY KEY)")
		again := capturetest.Open(t, b.source(t, b.config("public.?")), r.Last())
		b.exec(t, "INSERT INTO d VALUES (1)")
		wantTexts(t, again.Read(1), "public c d => {id: 1}")
	})
	t.Run("publication for all tables", func(t *testing.T) {
		b := newBed(t)
		b.exec(t, "CREATE TABLE a (id int PRIMARY KEY)")
		b.exec(t, fmt.Sprintf("CREATE PUBLICATION %s FOR ALL TABLES", b.slot))
		r := capturetest.Open(t, b.source(t, b.config("public.?")), "")
		b.exec(t, "CREATE TABLE b (id int PRIMARY KEY); CREATE TABLE other (id int PRIMARY KEY)")
		b.exec(t, "INSERT INTO other VALUES (1); INSERT INTO b VALUES (1)")
		wantTexts(t, r.Read(1), "public c b => {id: 1}")
	})
	t.Run("publication of another", func(t *testing.T) {
		b := newBed(t)
		b.exec(t, "CREATE TABLE a (id int PRIMARY KEY)")
		b.exec(t, fmt.Sprintf("CREATE PUBLICATION %s FOR TABLE a", b.slot))
		var log logged
		c := b.config("public.?")
		s, err := c.New("erp", log.logger())
		if err != nil {
			t.Fatal(err)
		}
		s.watchEvery = 20 * time.Millisecond
		r := capturetest.Open(t, s, "")
		b.exec(t, "CREATE TABLE b (id int PRIMARY KEY)")
		log.await(t, fmt.Sprintf(`ALTER PUBLICATION "%s" ADD TABLE "public"."b";`, b.slot))
		r.Next()
		r.Close()
		b.idle(t)
		wantFault(t, b.source(t, c), r.Last(), "does not publish", "ALTER PUBLICATION")
	})
}

// before is a querier that first runs SQL of its own before statements that begin so.
type before struct {
	querier
	prefix string
	run    func()
}

func (b before) query(ctx context.Context, sql string, args ...string) ([]record, error) {
	if strings.HasPrefix(sql, b.prefix) {
		b.run()
	}
	return b.querier.query(ctx, sql, args...)
}

// TestTableDroppedWhileItIsAdded is none that cannot be published: made anew it is.
func TestTableDroppedWhileItIsAdded(t *testing.T) {
	b := newBed(t)
	b.exec(t, "CREATE TABLE a (id int PRIMARY KEY)")
	cfg := b.config("public.?")
	cfg.Snapshot.Mode = Never
	s := b.source(t, cfg)
	capturetest.Open(t, s, "").Close() // and with it its own look
	b.exec(t, "CREATE TABLE b (id int PRIMARY KEY)")
	conn, err := s.cfg.connect(t.Context(), s.capture, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = hangUp(context.WithoutCancel(t.Context()), conn) }()
	told := map[string]bool{}
	drop := before{plain{conn}, "ALTER PUBLICATION", func() { b.exec(t, "DROP TABLE b") }}
	if err := s.discover(t.Context(), drop, told); err != nil || len(told) > 0 {
		t.Fatalf("%v, told of %v", err, told)
	}
	b.exec(t, "CREATE TABLE b (id text PRIMARY KEY)")
	if err := s.discover(t.Context(), plain{conn}, told); err != nil {
		t.Fatal(err)
	}
	b.published(t, "b")
}
