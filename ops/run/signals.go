package run

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// ExitAbandoned is the exit code of a process that a second signal ended.
const ExitAbandoned = 130

// Signals returns a context that the first SIGINT or SIGTERM ends, so that the
// engines drain. The second signal calls abandon, which is to end the process:
// what is not committed is read again at the next start. stop gives the signals
// back.
func Signals(parent context.Context, abandon func()) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(parent)
	got := make(chan os.Signal, 2)
	signal.Notify(got, os.Interrupt, syscall.SIGTERM)
	done, joined := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(joined)
		select {
		case <-got:
			cancel()
		case <-done:
			return
		}
		select {
		case <-got:
			abandon()
		case <-done:
		}
	}()
	return ctx, func() {
		signal.Stop(got)
		close(done)
		<-joined
		cancel()
	}
}
