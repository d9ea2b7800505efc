package localtest_test

import (
	"context"
	"database/sql"
	"net/http"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"sluice/ops/local"
	"sluice/ops/local/localtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestDatabasesAreSeparateAndDropped(t *testing.T) {
	var dropped string
	t.Run("user", func(t *testing.T) {
		dropped = localtest.Database(t)
		if other := localtest.Database(t); other == dropped {
			t.Fatalf("two databases share the DSN %s", dropped)
		}
		conn, err := pgx.Connect(t.Context(), dropped)
		if err != nil {
			t.Fatal(err)
		}
		// The session and the slot stay on purpose: dropping must cope.
		t.Cleanup(func() { _ = conn.Close(context.Background()) })
		if _, err := conn.Exec(t.Context(), "SELECT pg_create_logical_replication_slot('left_behind', 'pgoutput')"); err != nil {
			t.Fatal(err)
		}
	})
	if conn, err := pgx.Connect(t.Context(), dropped); err == nil {
		_ = conn.Close(t.Context())
		t.Error("the database of a finished test is still there")
	}
	conn, err := pgx.Connect(t.Context(), localtest.Postgres(t).DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var slots int
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_replication_slots").Scan(&slots); err != nil || slots != 0 {
		t.Errorf("%d slots are left, error %v", slots, err)
	}
}

func TestKafkaIsSharedAndAnswers(t *testing.T) {
	first, second := localtest.Kafka(t), localtest.Kafka(t)
	if first.Brokers[0] != second.Brokers[0] {
		t.Errorf("one test was lent two brokers: %s, %s", first.Brokers[0], second.Brokers[0])
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(first.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	topic := localtest.Prefix(t)
	if _, err := kadm.NewClient(cl).CreateTopic(t.Context(), 1, 1, nil, topic); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("v")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func TestRegistryKeepsItsSubjectsInKafka(t *testing.T) {
	url := localtest.Registry(t).URL
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/subjects/s-value/versions",
		strings.NewReader(`{"schema": "\"string\""}`))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("registering a schema: %s", answer.Status)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(localtest.Kafka(t).Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ends, err := kadm.NewClient(cl).ListEndOffsets(t.Context(), "_schemas")
	if err != nil {
		t.Fatal(err)
	}
	if end, _ := ends.Lookup("_schemas", 0); end.Offset == 0 {
		t.Error("the topic _schemas is empty: the schema would be lost with the process")
	}
}

func TestPrefixIsAName(t *testing.T) {
	a, b := localtest.Prefix(t), localtest.Prefix(t)
	if a == b {
		t.Errorf("two prefixes are both %q", a)
	}
	if len(a) > 40 || a[:len("testprefixisaname_")] != "testprefixisaname_" {
		t.Errorf("prefix = %q", a)
	}
}

func TestMySQLDatabasesAreSeparateAndDropped(t *testing.T) {
	for name, server := range map[string]func(testing.TB) *local.MySQL{"mysql": localtest.MySQL, "mariadb": localtest.MariaDB} {
		t.Run(name, func(t *testing.T) {
			var dropped string
			t.Run("user", func(t *testing.T) {
				if first, second := server(t), server(t); first != second {
					t.Error("one test binary has two servers")
				}
				dropped = localtest.MySQLDatabase(t, server(t))
				if other := localtest.MySQLDatabase(t, server(t)); other == dropped {
					t.Fatalf("two databases share the DSN %s", dropped)
				}
				if err := ping(t, dropped); err != nil {
					t.Fatal(err)
				}
			})
			if dropped == "" {
				t.Skip("no server")
			}
			if err := ping(t, dropped); err == nil {
				t.Error("the database of a finished test is still there")
			}
		})
	}
}

func ping(t *testing.T, dsn string) error {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	return db.PingContext(t.Context())
}
