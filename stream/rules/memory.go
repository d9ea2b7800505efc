package rules

import (
	"regexp"
	"time"
)

// memory is what the functions of one Rules remember: whatever is made from a
// text that an expression says again for each row.
type memory struct {
	patterns memo[*regexp.Regexp]
	formats  memo[*timeFormat]
	zones    memo[*time.Location]
}

func newMemory() *memory {
	return &memory{
		patterns: newMemo(regexp.Compile), formats: newMemo(parseTimeFormat), zones: newMemo(loadZone),
	}
}

// memo keeps what was made of the last few texts. It is for one goroutine.
type memo[T any] struct {
	build func(string) (T, error)
	kept  map[string]T
}

// memoSize bounds a memo, for expressions whose texts come from columns.
const memoSize = 256

func newMemo[T any](build func(string) (T, error)) memo[T] {
	return memo[T]{build: build, kept: map[string]T{}}
}

// get returns what is made of the text.
func (m *memo[T]) get(text string) (T, error) {
	if v, ok := m.kept[text]; ok {
		return v, nil
	}
	v, err := m.build(text)
	if err != nil {
		return v, err
	}
	if len(m.kept) >= memoSize {
		clear(m.kept)
	}
	m.kept[clone(text)] = v
	return v, nil
}

// clone copies a text out of its batch: texts of columns do not outlive it.
func clone(s string) string { return string([]byte(s)) }
