package snapshot

import (
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"slices"

	"sluice/schemas"
)

// memory holds which keys recent transactions touched. A row lock lets a
// transaction touch a key only when the one before is visible, so the latest one
// of a key decides for all.
type memory struct {
	seeds [2]maphash.Seed
	limit int // bytes
	// keys leads from the hash of a table and a key to an index in txs.
	keys map[fingerprint]uint32
	txs  []toucher
	// unknown are transactions that touched more keys than could be kept.
	unknown map[Tx]struct{}
	buf     []byte
	// sweepAt is how many keys there are when the next sweep begins.
	sweepAt int
}

// fingerprint is a hash of 128 bits: two keys of one never meet in practice.
type fingerprint [2]uint64

// toucher is a transaction and how many keys it was the last to touch.
type toucher struct {
	tx   Tx
	keys int
}

// keyBytes is what a key costs in a Go map of that type, spare room included.
const keyBytes = 48

func newMemory(limit int) memory {
	m := memory{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, limit: limit}
	m.reset()
	return m
}

func (m *memory) reset() {
	m.keys, m.txs, m.unknown = map[fingerprint]uint32{}, nil, map[Tx]struct{}{}
	m.sweepAt = max(1, m.limit/keyBytes)
}

// full reports whether a sweep is due.
func (m *memory) full() bool { return len(m.keys) >= m.sweepAt }

// touch notes that the transaction changed the row of that key.
func (m *memory) touch(tx Tx, table string, t *schemas.Table, row schemas.Row) {
	if _, ok := m.unknown[tx]; ok {
		return
	}
	n := len(m.txs)
	if n == 0 || m.txs[n-1].tx != tx {
		m.txs = append(m.txs, toucher{tx: tx})
		n++
	}
	f := m.fingerprint(table, t, row)
	if old, ok := m.keys[f]; ok {
		if int(old) == n-1 {
			return
		}
		m.txs[old].keys--
	}
	m.keys[f] = uint32(n - 1)
	m.txs[n-1].keys++
}

// touched reports whether a remembered transaction changed the row of that key.
func (m *memory) touched(table string, t *schemas.Table, row schemas.Row) bool {
	if len(m.keys) == 0 {
		return false
	}
	_, ok := m.keys[m.fingerprint(table, t, row)]
	return ok
}

// forgot reports whether a transaction that the view does not see touched keys
// that were not kept.
func (m *memory) forgot(v View) bool {
	for tx := range m.unknown {
		if !v.Sees(tx) {
			return true
		}
	}
	return false
}

// sweep makes room: first it forgets the transactions that every view sees, of
// which rows may then come a second time; then, the largest first, it gives up
// the keys of others, for which chunks must be read again.
func (m *memory) sweep(views []View) {
	seen := func(tx Tx) bool {
		return len(views) > 0 && !slices.ContainsFunc(views, func(v View) bool { return !v.Sees(tx) })
	}
	for tx := range m.unknown {
		if seen(tx) {
			delete(m.unknown, tx)
		}
	}
	var kept []toucher
	moved := make([]int32, len(m.txs)) // the new index; -1: forgotten
	for i, t := range m.txs {
		moved[i] = -1
		if t.keys > 0 && !seen(t.tx) {
			kept = append(kept, t)
		}
	}
	most := max(1, m.limit/keyBytes)
	left := 0
	for _, t := range kept {
		left += t.keys
	}
	slices.SortStableFunc(kept, func(a, b toucher) int { return cmp.Compare(b.keys, a.keys) })
	for len(kept) > 0 && left > most*3/4 {
		m.unknown[kept[0].tx] = struct{}{}
		left -= kept[0].keys
		kept = kept[1:]
	}
	index := make(map[Tx]int32, len(kept))
	for i, t := range kept {
		index[t.tx] = int32(i)
	}
	for i, t := range m.txs {
		if at, ok := index[t.tx]; ok {
			moved[i] = at
		}
	}
	keys := make(map[fingerprint]uint32, left)
	for f, i := range m.keys {
		if at := moved[i]; at >= 0 {
			keys[f] = uint32(at)
		}
	}
	m.keys, m.txs = keys, kept
	m.sweepAt = most
}

// fingerprint hashes a table's name and the key values of a row.
func (m *memory) fingerprint(table string, t *schemas.Table, row schemas.Row) fingerprint {
	m.buf = append(m.buf[:0], table...)
	b := m.buf
	for _, k := range t.Key {
		b = appendValue(b, row[k])
	}
	m.buf = b
	return fingerprint{maphash.Bytes(m.seeds[0], b), maphash.Bytes(m.seeds[1], b)}
}

// appendValue writes a value so that no two sequences of values read alike.
func appendValue(b []byte, v schemas.Value) []byte {
	b = append(b, 0, byte(v.Kind))
	switch v.Kind {
	case schemas.Text, schemas.Bytes:
		b = binary.LittleEndian.AppendUint32(b, uint32(len(v.Bytes)))
		return append(b, v.Bytes...)
	case schemas.Decimal:
		b = binary.LittleEndian.AppendUint32(b, uint32(len(v.Bytes)))
		b = binary.LittleEndian.AppendUint32(b, uint32(v.Scale))
		return append(b, v.Bytes...)
	case schemas.List:
		elems := v.Elems()
		b = binary.LittleEndian.AppendUint32(b, uint32(len(elems)))
		for _, e := range elems {
			b = appendValue(b, e)
		}
		return b
	default:
		return binary.LittleEndian.AppendUint64(b, uint64(v.Int()))
	}
}
