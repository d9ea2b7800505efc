package deliver

// watermark is the ledger of one partition: which of its records are not
// finished. Offsets are added in rising order and finish in any order; the
// offset to commit never passes an unfinished one. Its memory grows with the
// unfinished records only, however far the finished ones have run ahead.
type watermark struct {
	head, tail *mark
	// next and epoch are those of the last record added: the offset behind it
	// and its leader epoch.
	next  int64
	epoch int32
	added bool
}

// mark is one unfinished record.
type mark struct {
	prev, next *mark
	offset     int64
	// before is the leader epoch of the record in front of it.
	before int32
	done   bool
}

// add notes a record that has begun.
func (w *watermark) add(offset int64, epoch int32) *mark {
	m := &mark{prev: w.tail, offset: offset, before: w.epoch}
	if !w.added {
		m.before = epoch
	}
	if w.tail != nil {
		w.tail.next = m
	} else {
		w.head = m
	}
	w.tail = m
	w.pass(offset, epoch)
	return m
}

// pass notes a record of which nothing is to be done, such as the end of a
// transaction.
func (w *watermark) pass(offset int64, epoch int32) {
	w.next, w.epoch, w.added = offset+1, epoch, true
}

// finish notes that a record's fate is final. A second call does nothing.
func (w *watermark) finish(m *mark) {
	if m.done {
		return
	}
	m.done = true
	if m.prev != nil {
		m.prev.next = m.next
	} else {
		w.head = m.next
	}
	if m.next != nil {
		m.next.prev = m.prev
	} else {
		w.tail = m.prev
	}
}

// at is the offset to commit: every record below it is finished. False if no
// record was added yet.
func (w *watermark) at() (offset int64, epoch int32, ok bool) {
	if w.head != nil {
		return w.head.offset, w.head.before, true
	}
	return w.next, w.epoch, w.added
}
