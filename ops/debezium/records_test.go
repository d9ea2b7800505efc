package debezium

import (
	"context"
	"sync"
)

// records is what one connector has written so far. It grows until the
// connector ends, and says so by err.
type records struct {
	mu   sync.Mutex
	all  []*Record
	err  error
	news chan struct{} // one token: more
}

func newRecords() *records { return &records{news: make(chan struct{}, 1)} }

// add notes a record, or why there will be no more.
func (r *records) add(rec *Record, err error) {
	r.mu.Lock()
	if err != nil {
		r.err = err
	} else {
		r.all = append(r.all, rec)
	}
	r.mu.Unlock()
	select {
	case r.news <- struct{}{}:
	default:
	}
}

// wait returns all records once found has said yes to one of them.
func (r *records) wait(ctx context.Context, found func(*Record) bool) ([]*Record, error) {
	seen := 0
	for {
		r.mu.Lock()
		all, err := r.all[:len(r.all):len(r.all)], r.err
		r.mu.Unlock()
		for ; seen < len(all); seen++ {
			if found(all[seen]) {
				return all, nil
			}
		}
		if err != nil {
			return nil, err
		}
		select {
		case <-r.news:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
