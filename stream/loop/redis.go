package loop

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"
)

// OnRedis is a Store on a Redis: single, sentinel or cluster.
func OnRedis(client redis.UniversalClient) Store { return onRedis{client} }

type onRedis struct{ client redis.UniversalClient }

// Eval pipelines the calls. A Redis that does not know the scripts, since it is
// new, is given them and asked again.
func (r onRedis) Eval(ctx context.Context, calls []Call) ([]any, error) {
	out := make([]any, len(calls))
	todo := make([]int, len(calls))
	for i := range todo {
		todo[i] = i
	}
	for try := 0; ; try++ {
		pipe := r.client.Pipeline()
		cmds := make([]*redis.Cmd, len(todo))
		for n, i := range todo {
			c := &calls[i]
			cmds[n] = pipe.EvalSha(ctx, c.Script.SHA, []string{c.Key}, c.Args...)
		}
		_, _ = pipe.Exec(ctx) // each command has its error
		var again []int
		for n, i := range todo {
			v, err := cmds[n].Result()
			switch {
			case err == nil:
				out[i] = v
			case redis.HasErrorPrefix(err, "NOSCRIPT") && try == 0:
				again = append(again, i)
			case !errors.Is(err, redis.Nil):
				return nil, err
			}
		}
		if len(again) == 0 {
			return out, nil
		}
		for _, s := range allScripts {
			if err := r.client.ScriptLoad(ctx, s.Source).Err(); err != nil {
				return nil, err
			}
		}
		todo = again
	}
}
