package mysql

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"sluice/capture/snapshot"
)

// mariaSet is a position in MariaDB's log: of each domain the last transaction.
// Within a domain they come in the order of their numbers, so that it is a set of
// all that are not above it.
type mariaSet struct{ last map[uint32]gtid }

var _ gtids = (*mariaSet)(nil)

// parseMariaSet reads "0-1-5,1-2-7" (MariaDB documentation, "Global Transaction
// ID").
func parseMariaSet(text string) (*mariaSet, error) {
	s := &mariaSet{last: map[uint32]gtid{}}
	for part := range strings.SplitSeq(text, ",") {
		if part == "" {
			continue
		}
		f := strings.Split(part, "-")
		if len(f) != 3 {
			return nil, fmt.Errorf("%q is no GTID of MariaDB", part)
		}
		domain, err1 := strconv.ParseUint(f[0], 10, 32)
		server, err2 := strconv.ParseUint(f[1], 10, 32)
		number, err3 := strconv.ParseUint(f[2], 10, 64)
		if err1 != nil || err2 != nil || err3 != nil {
			return nil, fmt.Errorf("%q is no GTID of MariaDB", part)
		}
		s.add(&gtid{domain: uint32(domain), server: uint32(server), number: number, maria: true})
	}
	return s, nil
}

func (s *mariaSet) add(t *gtid) { s.last[t.domain] = *t }

// mariaTx names a transaction of MariaDB: its server does not matter, numbers
// are unique within a domain.
func mariaTx(domain uint32, number uint64) snapshot.Tx {
	tx := snapshot.Tx{Seq: number}
	binary.BigEndian.PutUint32(tx.Origin[:], domain)
	return tx
}

func (s *mariaSet) sees(tx snapshot.Tx) bool {
	t, ok := s.last[binary.BigEndian.Uint32(tx.Origin[:])]
	return ok && tx.Seq <= t.number
}

// String writes the position as MariaDB does.
func (s *mariaSet) String() string {
	var b []byte
	for i, d := range slices.Sorted(maps.Keys(s.last)) {
		if i > 0 {
			b = append(b, ',')
		}
		t := s.last[d]
		b = t.append(b)
	}
	return string(b)
}

func (s *mariaSet) minus(other gtids) string {
	out := &mariaSet{last: map[uint32]gtid{}}
	o, ok := other.(*mariaSet)
	for d, t := range s.last {
		if !ok || o.last[d].number < t.number {
			out.last[d] = t
		}
	}
	return out.String()
}

func (s *mariaSet) clone() gtids { return &mariaSet{last: maps.Clone(s.last)} }

// Encode completes gomysql.GTIDSet; MariaDB is told the position as text.
func (s *mariaSet) Encode() []byte { return []byte(s.String()) }

// Equal reports whether both are the same position.
func (s *mariaSet) Equal(o gomysql.GTIDSet) bool { return s.String() == o.String() }

// Contain reports whether s has all of o.
func (s *mariaSet) Contain(o gomysql.GTIDSet) bool {
	other, err := parseMariaSet(o.String())
	return err == nil && contains(s, other)
}

// Update adds a position as text.
func (s *mariaSet) Update(text string) error {
	o, err := parseMariaSet(text)
	if err != nil {
		return err
	}
	maps.Copy(s.last, o.last)
	return nil
}

// Clone returns a copy.
func (s *mariaSet) Clone() gomysql.GTIDSet { return s.clone() }

// IsEmpty reports whether it is before all transactions.
func (s *mariaSet) IsEmpty() bool { return len(s.last) == 0 }
