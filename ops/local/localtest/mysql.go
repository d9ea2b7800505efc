package localtest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"strings"
	"testing"
	"time"

	"sluice/ops/local"
)

var mysql, mariadb once[*local.MySQL]

// MySQL returns the private MySQL of this test binary, with GTIDs and a binary
// log of full rows. A test that stops or kills it, or that purges its binary log,
// must start its own with local.StartMySQL.
func MySQL(t testing.TB) *local.MySQL {
	t.Helper()
	return mysql.get(t, local.PartMySQL, func(ctx context.Context) (*local.MySQL, error) {
		return local.StartMySQL(ctx, local.MySQLOptions{Flavour: local.FlavourMySQL})
	})
}

// MariaDB is like MySQL, of the other flavour.
func MariaDB(t testing.TB) *local.MySQL {
	t.Helper()
	return mariadb.get(t, local.PartMariaDB, func(ctx context.Context) (*local.MySQL, error) {
		return local.StartMySQL(ctx, local.MySQLOptions{Flavour: local.FlavourMariaDB})
	})
}

// MySQLDatabase returns the DSN, as superuser, of a new database on the server.
// It is dropped when the test ends. Its changes stay in the server's binary log,
// which all databases share.
func MySQLDatabase(t testing.TB, server *local.MySQL) string {
	t.Helper()
	name := "t_" + strings.ToLower(rand.Text()[:12])
	execMySQL(t, server, "CREATE DATABASE "+name)
	t.Cleanup(func() { execMySQL(t, server, "DROP DATABASE "+name) })
	return server.DSN(name)
}

func execMySQL(t testing.TB, server *local.MySQL, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	db, err := sql.Open("mysql", server.DSN(""))
	if err != nil {
		t.Errorf("connecting to the test server: %v", err)
		return
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, statement); err != nil {
		t.Errorf("%s: %v", statement, err)
	}
}
