package mysql

import (
	"fmt"
	"slices"
	"strings"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"sluice/capture/snapshot"
)

// gtids is a set of transactions, as one of the two servers names them.
type gtids interface {
	// GTIDSet is what the dump of the log begins behind.
	gomysql.GTIDSet
	// add adds a transaction of the log.
	add(t *gtid)
	// sees reports whether the set holds a transaction, as tx names it.
	sees(tx snapshot.Tx) bool
	// minus lists, as text, what the set has and the other has not.
	minus(o gtids) string
	clone() gtids
}

// gtid names one transaction.
type gtid struct {
	// MySQL: the server's UUID, a tag or none, and a number.
	sid sid
	// MariaDB: a domain, the server's id, and a number.
	domain, server uint32
	number         uint64
	maria          bool
}

func (t *gtid) append(b []byte) []byte {
	if t.maria {
		return fmt.Appendf(b, "%d-%d-%d", t.domain, t.server, t.number)
	}
	return fmt.Appendf(t.sid.append(b), ":%d", t.number)
}

// tx is how the snapshot's engine names the transaction.
func (t *gtid) tx() snapshot.Tx {
	if t.maria {
		return mariaTx(t.domain, t.number)
	}
	return snapshot.Tx{Origin: t.sid.origin(), Seq: t.number}
}

// parseGTIDs reads a set as the server of that kind writes it.
func parseGTIDs(text string, maria bool) (gtids, error) {
	text = strings.Map(func(r rune) rune {
		if r == ' ' || r == '\n' || r == '\r' || r == '\t' {
			return -1
		}
		return r
	}, text)
	if maria {
		return parseMariaSet(text)
	}
	return parseMySQLSet(text)
}

// contains reports whether a has all of b.
func contains(a, b gtids) bool { return b.minus(a) == "" }

// excerptSet shortens a set for an error.
func excerptSet(s string) string {
	parts := strings.Split(s, ",")
	if len(parts) > 3 {
		parts = append(slices.Clone(parts[:3]), fmt.Sprintf("and %d more", len(parts)-3))
	}
	return strings.Join(parts, ",")
}
