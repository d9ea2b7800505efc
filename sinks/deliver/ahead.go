package deliver

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
)

// ahead is what was finished beyond the offset that is committed: a key that is
// stuck must not make all later records of its partition come again after a
// restart. It travels as the metadata of the committed offset:
//
//	"sluice1:" base64( next - at, then the distances of the unfinished offsets )
//
// in uvarints. Offsets from at up to next are finished but for at itself and
// those listed.
type ahead struct {
	at, next   int64
	unfinished map[int64]bool
}

const (
	aheadPrefix = "sluice1:"
	// aheadBytes keeps the text below offset.metadata.max.bytes, by default
	// 4096. What does not fit comes again.
	aheadBytes = 2800
)

// ahead writes the ledger's unfinished offsets; "" if nothing is finished ahead.
func (w *watermark) ahead(most int) string {
	if w.head == nil || w.head.offset+1 == w.next {
		return ""
	}
	next := w.next
	var list []byte
	last := w.head.offset
	for m := w.head.next; m != nil; m = m.next {
		if len(list)+2*binary.MaxVarintLen64 > most {
			next = m.offset // as if not read yet
			break
		}
		list = binary.AppendUvarint(list, uint64(m.offset-last))
		last = m.offset
	}
	all := binary.AppendUvarint(nil, uint64(next-w.head.offset))
	return aheadPrefix + base64.RawStdEncoding.EncodeToString(append(all, list...))
}

// parseAhead reads the metadata of the committed offset at. Nil: it says nothing
// that can be relied on.
func parseAhead(at int64, metadata string) *ahead {
	text, ours := strings.CutPrefix(metadata, aheadPrefix)
	if !ours {
		return nil
	}
	b, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return nil
	}
	take := func() (int64, bool) {
		n, size := binary.Uvarint(b)
		if size <= 0 || n == 0 || n > 1<<62 {
			return 0, false
		}
		b = b[size:]
		return int64(n), true
	}
	n, ok := take()
	if !ok || at < 0 || at > 1<<62 {
		return nil
	}
	a := &ahead{at: at, next: at + n, unfinished: map[int64]bool{at: true}}
	for offset := at; len(b) > 0; {
		n, ok := take()
		if !ok || n >= a.next-offset {
			return nil
		}
		offset += n
		a.unfinished[offset] = true
	}
	return a
}

// finished reports whether the record was finished before. A nil ahead knows of
// none.
func (a *ahead) finished(offset int64) bool {
	return a != nil && offset > a.at && offset < a.next && !a.unfinished[offset]
}
