package pump

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice/schemas"
)

func testPace() pace {
	c := Config{Interval: 50 * time.Millisecond, Bytes: schemas.Size(4 << 20)}
	return newPace(c)
}

// steady plays a stream of so many bytes a second through transactions that
// take commit to be written, and returns the wait that it settles at.
func steady(perSecond int, commit time.Duration) time.Duration {
	p := testPace()
	now := time.Unix(1000, 0)
	for range 500 {
		took := p.wait() + commit
		now = now.Add(took)
		p.closed(int(float64(perSecond)*took.Seconds()), now)
	}
	return p.wait()
}

func TestPaceWaitsInProportionToWhatComes(t *testing.T) {
	p := testPace()
	if p.wait() != 0 {
		t.Errorf("the first change waits %s for company", p.wait())
	}
	commit := 3 * time.Millisecond
	if w := steady(500_000, commit); w > 2*time.Millisecond {
		t.Errorf("a trickle of 0.5 MB/s waits %s", w)
	}
	if w := steady(50_000_000, commit); w != 50*time.Millisecond {
		t.Errorf("a flood of 50 MB/s waits %s, not the interval", w)
	}
	slow, fast := steady(2_000_000, commit), steady(10_000_000, commit)
	if slow <= 0 || slow >= fast || fast >= 50*time.Millisecond {
		t.Errorf("2 MB/s wait %s, 10 MB/s %s", slow, fast)
	}
}

func TestPaceForgetsAFlood(t *testing.T) {
	p := testPace()
	now := time.Unix(1000, 0)
	for range 100 {
		now = now.Add(10 * time.Millisecond)
		p.closed(4<<20, now)
	}
	if p.wait() != p.interval {
		t.Fatalf("a flood waits %s", p.wait())
	}
	now = now.Add(time.Second)
	p.closed(100, now)
	if w := p.wait(); w > p.interval/100 {
		t.Errorf("after a quiet second a change still waits %s", w)
	}
}

func TestPaceNeverWaitsLongerThanTheInterval(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Config{
			Interval: time.Duration(rapid.Int64Range(int64(time.Millisecond), int64(time.Hour)).Draw(t, "interval")),
			Bytes:    schemas.Size(rapid.Int64Range(minBytes, maxBytes).Draw(t, "bytes")),
		}
		p, now := newPace(c), time.Unix(1000, 0)
		for range 20 {
			// The clock may be set back.
			now = now.Add(time.Duration(rapid.Int64Range(-int64(time.Second), int64(time.Minute)).Draw(t, "passed")))
			p.closed(rapid.IntRange(0, 1<<40).Draw(t, "taken"), now)
			if w := p.wait(); w < 0 || w > c.Interval {
				t.Fatalf("waits %s with an interval of %s", w, c.Interval)
			}
		}
	})
}
