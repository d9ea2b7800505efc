package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"golang.org/x/sync/errgroup"
)

// Engine is what a role is made of. Run works until ctx ends, then finishes
// what it has in hand within a bounded time and returns nil. Ready says in one
// line why it is not ready yet.
type Engine interface {
	Run(ctx context.Context) error
	Ready() error
}

// engine is an Engine under the name that a person knows it by: "capture erp".
type engine struct {
	name string
	Engine
}

// runAll runs the engines together. The first that fails makes the others
// drain; its error is the result, with those of engines that failed while they
// drained. All are joined when it returns.
func runAll(ctx context.Context, engines []engine, log *slog.Logger) error {
	group, ctx := errgroup.WithContext(ctx)
	errs := make([]error, len(engines))
	for i, e := range engines {
		group.Go(func() error {
			err := e.Run(ctx)
			switch {
			case err == nil:
				log.Info(e.name + " has ended")
				return nil
			case ctx.Err() != nil && errors.Is(err, context.Canceled):
				return nil
			}
			errs[i] = fmt.Errorf("%s: %w", e.name, err)
			if len(engines) > 1 && ctx.Err() == nil {
				log.Error(e.name+" failed; the others drain", "error", err)
			}
			return errs[i]
		})
	}
	if first := group.Wait(); first == nil {
		return nil
	}
	return errors.Join(errs...)
}
