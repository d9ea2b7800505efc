package debezium

import (
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// waitMark is the paragraph at which a script waits for both connectors.
const waitMark = "-- wait"

// paragraphs reads a script: each paragraph is one transaction.
func paragraphs(t *testing.T, file string) []string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n\n")
}

// execute runs statements in one implicit transaction.
func execute(t *testing.T, conn *pgx.Conn, statements string) {
	t.Helper()
	if _, err := conn.PgConn().Exec(t.Context(), statements).ReadAll(); err != nil {
		t.Fatalf("%s\n%v", statements, err)
	}
}
