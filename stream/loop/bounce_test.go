package loop

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice/schemas"
	"sluice/stream"
)

// rounds has a target answer each write by a change, and counts how many pass
// until one is stopped.
func (r *rig) rounds(most int, every time.Duration, answer func(n int) *stream.Item) (passed int, last *stream.Item) {
	r.t.Helper()
	for n := range most {
		r.write(r.customerWrite("A1", fmt.Sprintf("say %d", n), 1))
		r.later(every)
		last = answer(n)
		if r.process(last)[0] == ReasonBounce {
			return passed, last
		}
		passed++
	}
	return passed, last
}

func TestARecordThatGoesRoundIsStopped(t *testing.T) {
	for name, c := range map[string]struct {
		every  time.Duration
		answer func(r *rig, n int) *stream.Item
		most   int
		text   string
	}{
		"it says the same each time": {
			time.Second, func(r *rig, _ int) *stream.Item { return r.change(schemas.Update, nil, contact(7, "A1", "no", 1, nil)) },
			5, "the same content came round 6 times within 1m0s",
		},
		"it makes something new of each write": {
			time.Second, func(r *rig, n int) *stream.Item {
				return r.change(schemas.Update, nil, contact(7, "A1", fmt.Sprint("more", n), 1, nil))
			},
			12, "6 writes came back as something else within 1m0s",
		},
		"it takes each write and then changes it": {
			5 * time.Second, func(r *rig, n int) *stream.Item {
				r.want(ReasonEcho, r.change(schemas.Update, contact(7, "A1", "", 1, nil), contact(7, "A1", fmt.Sprintf("say %d", n), 100, nil)))
				return r.change(schemas.Update, nil, contact(7, "A1", fmt.Sprint("more", n), 1, nil))
			},
			50, "it changed 51 times, each time after a write, within 10m0s",
		},
		"it comes as deletion and creation": {
			time.Second, func(r *rig, n int) *stream.Item {
				if n%2 == 0 {
					return r.change(schemas.Delete, contact(7, "A1", "x", 1, nil), nil)
				}
				return r.change(schemas.Create, nil, contact(7, "A1", "no", 1, nil))
			},
			10, "came",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, mini(t), keyed())
			passed, it := r.rounds(100, c.every, func(n int) *stream.Item { return c.answer(r, n) })
			if passed > c.most || it.Fate != stream.Parked {
				t.Fatalf("%d passed, want %d at most; the last: fate %d", passed, c.most, it.Fate)
			}
			for _, want := range []string{c.text, "record A1", topic, keyed().Path} {
				if !strings.Contains(it.Err.Error(), want) {
					t.Errorf("the error lacks %q: %v", want, it.Err)
				}
			}
			text := it.Err.Error()
			r.want(ReasonBounce, it) // again, and the error too
			if it.Err.Error() != text {
				t.Errorf("replayed it says %v, and said %s", it.Err, text)
			}
			if n := r.bounces(keyed().Path); n != 1 {
				t.Errorf("counted %v times", n)
			}
		})
	}
}

func TestWhatDoesNotGoRoundIsNotStopped(t *testing.T) {
	t.Run("somebody works on a record", func(t *testing.T) {
		r := newRig(t, mini(t), keyed())
		for n := range 200 {
			r.want("", r.change(schemas.Update, nil, contact(7, "A1", fmt.Sprint("draft", n%2), 1, nil)))
			r.later(100 * time.Millisecond)
		}
	})
	t.Run("both sides work on a record", func(t *testing.T) {
		r := newRig(t, mini(t), keyed())
		for n := range 40 {
			r.write(r.customerWrite("A1", fmt.Sprint("erp", n), 1))
			r.later(10 * time.Millisecond)
			r.want("", r.change(schemas.Update, nil, contact(7, "A1", fmt.Sprint("crm", n), 1, nil)))
			r.want(ReasonEcho, r.change(schemas.Update, nil, contact(7, "A1", fmt.Sprint("erp", n), 100, nil)))
			r.later(time.Second)
		}
	})
	t.Run("the rounds are rare", func(t *testing.T) {
		r := newRig(t, mini(t), keyed())
		passed, _ := r.rounds(30, 30*time.Second, func(int) *stream.Item {
			return r.change(schemas.Update, nil, contact(7, "A1", "no", 1, nil))
		})
		if passed != 30 {
			t.Errorf("stopped after %d", passed)
		}
	})
	t.Run("a stopped record goes on when it is quiet again", func(t *testing.T) {
		r := newRig(t, mini(t), keyed())
		r.rounds(30, time.Second, func(int) *stream.Item { return r.change(schemas.Update, nil, contact(7, "A1", "no", 1, nil)) })
		r.later(time.Second)
		r.want("", r.change(schemas.Update, nil, contact(7, "A1", "mended", 1, nil)))
	})
}

func TestAWatchedTopicIsStoppedToo(t *testing.T) {
	r := newRig(t, mini(t), keyed(), func(p *Plan) {
		p.Echoes = nil
		p.Watched = []Watch{{Topic: topic, Reads: map[string]bool{"label": true}, Path: "the path"}}
	})
	n := 0
	for ; n < 100; n++ {
		it := r.change(schemas.Update, nil, contact(7, "A1", fmt.Sprint("say", n%2), int64(n), nil))
		if r.process(it)[0] == ReasonBounce {
			break
		}
		r.later(500 * time.Millisecond)
	}
	if want := 2 * 5 * unlinkedFactor; n != want {
		t.Errorf("stopped after %d, want %d", n, want)
	}
}
