package mysql

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"
	"github.com/google/uuid"

	"sluice/capture/snapshot"
)

// sid is who numbers the transactions: a server's UUID and, since MySQL 8.4, a
// tag or none.
type sid struct {
	server uuid.UUID
	tag    string
}

func (s sid) append(b []byte) []byte {
	b = append(b, s.server.String()...)
	if s.tag != "" {
		b = append(append(b, ':'), s.tag...)
	}
	return b
}

// origin is the UUID, of one with a tag another one made of both.
func (s sid) origin() [16]byte {
	if s.tag == "" {
		return s.server
	}
	return uuid.NewSHA1(s.server, []byte(s.tag))
}

func (s sid) compare(o sid) int {
	return cmp.Or(bytes.Compare(s.server[:], o.server[:]), strings.Compare(s.tag, o.tag))
}

// interval is the numbers from first up to and without end.
type interval struct{ first, end uint64 }

// mysqlSet is a set of MySQL's GTIDs: disjoint ascending intervals of each sid.
type mysqlSet struct {
	runs   map[sid][]interval
	origin map[[16]byte]sid
}

var _ gtids = (*mysqlSet)(nil)

func newMySQLSet() *mysqlSet {
	return &mysqlSet{runs: map[sid][]interval{}, origin: map[[16]byte]sid{}}
}

// parseMySQLSet reads "uuid:1-5:7,uuid:tag:1" (MySQL reference manual, "GTID
// Sets"). A tag holds for the intervals behind it.
func parseMySQLSet(text string) (*mysqlSet, error) {
	s := newMySQLSet()
	for part := range strings.SplitSeq(text, ",") {
		if part == "" {
			continue
		}
		fields := strings.Split(part, ":")
		id, err := uuid.Parse(fields[0])
		if err != nil || len(fields[0]) != 36 || len(fields) < 2 {
			return nil, fmt.Errorf("%q is no GTID set", part)
		}
		who := sid{server: id}
		for _, f := range fields[1:] {
			if f == "" {
				return nil, fmt.Errorf("%q is no GTID set", part)
			}
			if f[0] < '0' || f[0] > '9' {
				who.tag = strings.ToLower(f)
				continue
			}
			from, to, isRange := strings.Cut(f, "-")
			first, err1 := strconv.ParseUint(from, 10, 63)
			last := first
			var err2 error
			if isRange {
				last, err2 = strconv.ParseUint(to, 10, 63)
			}
			if err1 != nil || err2 != nil || first == 0 || last < first {
				return nil, fmt.Errorf("%q is no GTID set", part)
			}
			s.insert(who, interval{first, last + 1})
		}
	}
	return s, nil
}

func (s *mysqlSet) insert(who sid, n interval) {
	runs := s.runs[who]
	if runs == nil {
		s.origin[who.origin()] = who
	}
	if last := len(runs) - 1; last >= 0 && runs[last].end == n.first { // as the log brings them
		runs[last].end = n.end
		return
	}
	i, _ := slices.BinarySearchFunc(runs, n.first, func(r interval, first uint64) int { return cmp.Compare(r.end, first) })
	j := i
	for j < len(runs) && runs[j].first <= n.end {
		n.first, n.end = min(n.first, runs[j].first), max(n.end, runs[j].end)
		j++
	}
	s.runs[who] = slices.Replace(runs, i, j, n)
}

func (s *mysqlSet) add(t *gtid) { s.insert(t.sid, interval{t.number, t.number + 1}) }

func (s *mysqlSet) has(who sid, n uint64) bool {
	runs := s.runs[who]
	i, _ := slices.BinarySearchFunc(runs, n, func(r interval, n uint64) int {
		if r.end <= n {
			return -1
		}
		return 1
	})
	return i < len(runs) && runs[i].first <= n
}

func (s *mysqlSet) sees(tx snapshot.Tx) bool {
	who, ok := s.origin[tx.Origin]
	return ok && s.has(who, tx.Seq)
}

// sids are the parties in order.
func (s *mysqlSet) sids() []sid { return slices.SortedFunc(maps.Keys(s.runs), sid.compare) }

// String writes the set as MySQL does.
func (s *mysqlSet) String() string {
	var b []byte
	var before sid
	for i, who := range s.sids() {
		switch {
		case i > 0 && who.server == before.server:
			b = append(append(b, ':'), who.tag...)
		default:
			if i > 0 {
				b = append(b, ',')
			}
			b = who.append(b)
		}
		before = who
		for _, r := range s.runs[who] {
			b = strconv.AppendUint(append(b, ':'), r.first, 10)
			if r.end > r.first+1 {
				b = strconv.AppendUint(append(b, '-'), r.end-1, 10)
			}
		}
	}
	return string(b)
}

func (s *mysqlSet) minus(other gtids) string {
	o, ok := other.(*mysqlSet)
	if !ok {
		return s.String()
	}
	return s.without(o).String()
}

// without returns what s has and o has not.
func (s *mysqlSet) without(o *mysqlSet) *mysqlSet {
	out := newMySQLSet()
	for who, runs := range s.runs {
		theirs := o.runs[who]
		for _, r := range runs {
			at := r.first
			for _, t := range theirs {
				if t.end <= at || t.first >= r.end {
					continue
				}
				if t.first > at {
					out.insert(who, interval{at, t.first})
				}
				at = t.end
			}
			if at < r.end {
				out.insert(who, interval{at, r.end})
			}
		}
	}
	return out
}

func (s *mysqlSet) clone() gtids {
	out := &mysqlSet{runs: make(map[sid][]interval, len(s.runs)), origin: maps.Clone(s.origin)}
	for who, runs := range s.runs {
		out.runs[who] = slices.Clone(runs)
	}
	return out
}

// Encode writes the set for COM_BINLOG_DUMP_GTID (MySQL source,
// Gtid_set::encode). With tags the first eight bytes say so.
func (s *mysqlSet) Encode() []byte {
	sids := s.sids()
	tagged := slices.ContainsFunc(sids, func(who sid) bool { return who.tag != "" })
	n := uint64(len(sids))
	if tagged {
		n = 1<<56 | n<<8 | 1
	}
	b := binary.LittleEndian.AppendUint64(nil, n)
	for _, who := range sids {
		b = append(b, who.server[:]...)
		if tagged {
			b = append(append(b, byte(len(who.tag)<<1)), who.tag...)
		}
		b = binary.LittleEndian.AppendUint64(b, uint64(len(s.runs[who])))
		for _, r := range s.runs[who] {
			b = binary.LittleEndian.AppendUint64(b, r.first)
			b = binary.LittleEndian.AppendUint64(b, r.end)
		}
	}
	return b
}

// Equal, Contain, Update, Clone and IsEmpty complete gomysql.GTIDSet.
func (s *mysqlSet) Equal(o gomysql.GTIDSet) bool { return s.String() == o.String() }

// Contain reports whether s has all of o.
func (s *mysqlSet) Contain(o gomysql.GTIDSet) bool {
	other, err := parseMySQLSet(o.String())
	return err == nil && contains(s, other)
}

// Update adds a set as text.
func (s *mysqlSet) Update(text string) error {
	o, err := parseMySQLSet(text)
	if err != nil {
		return err
	}
	for who, runs := range o.runs {
		for _, r := range runs {
			s.insert(who, r)
		}
	}
	return nil
}

// Clone returns a copy.
func (s *mysqlSet) Clone() gomysql.GTIDSet { return s.clone() }

// IsEmpty reports whether there is none.
func (s *mysqlSet) IsEmpty() bool { return len(s.runs) == 0 }
