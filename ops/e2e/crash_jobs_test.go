package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// jobs are done one after another, each chosen by r, with a rest of at most so long
// in between.
type jobs struct {
	t    *testing.T
	name string // of one
	r    *rand.Rand
	rest time.Duration
	made int // so far; each has ids of its own
}

// jobSession does jobs over one connection.
type jobSession struct {
	one   func(ctx context.Context, j *jobs) error
	close func()
}

// run works until ctx is done. A job whose server is killed is given up; whether
// it was committed is for the database to say.
func (j *jobs) run(ctx context.Context, open func(context.Context) (jobSession, error)) {
	for ctx.Err() == nil {
		session, err := open(ctx)
		if err == nil {
			for err == nil && ctx.Err() == nil {
				j.made++
				err = session.one(ctx, j)
				pause(ctx, time.Duration(j.r.Int64N(int64(j.rest))))
			}
			session.close()
		}
		if err != nil && ctx.Err() == nil && !crashed(err.Error()) {
			j.t.Errorf("%s %d: %v", j.name, j.made, err)
			return
		}
		pause(ctx, 100*time.Millisecond)
	}
}

// first is the first of the ids that this job may use, 100,000 of them.
func (j *jobs) first() int64 { return 10_000_000_000 + int64(j.made)*100_000 }

// extra is the definition of a column for crash_shape, which has those. Some have
// a default.
func (j *jobs) extra(types ...string) string {
	as := ""
	if j.r.IntN(2) == 0 {
		as = fmt.Sprintf(" DEFAULT '%d'", j.made)
	}
	return fmt.Sprintf("extra%d %s%s", j.made, types[j.r.IntN(len(types))], as)
}

// oneOf chooses.
func (j *jobs) oneOf(names []string) string { return names[j.r.IntN(len(names))] }
