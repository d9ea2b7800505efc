package run

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

// fake is an engine that ends when it is told or when it drains.
type fake struct {
	fail    chan error
	drained bool
	ready   error
	begun   chan struct{}
}

func newFake() *fake { return &fake{fail: make(chan error, 1), begun: make(chan struct{})} }

func (f *fake) Run(ctx context.Context) error {
	close(f.begun)
	select {
	case err := <-f.fail:
		return err
	case <-ctx.Done():
		f.drained = true
		select {
		case err := <-f.fail:
			return err
		default:
			return nil
		}
	}
}

func (f *fake) Ready() error { return f.ready }

func TestOneFailureDrainsTheOthers(t *testing.T) {
	bad, good := newFake(), newFake()
	cause := errors.New("slot gone")
	bad.fail <- cause
	err := runAll(t.Context(), []engine{{"capture erp", bad}, {"sink crm", good}}, slog.New(slog.DiscardHandler))
	if !errors.Is(err, cause) || err.Error() != "capture erp: slot gone" {
		t.Errorf("error = %v", err)
	}
	if !good.drained {
		t.Error("the other engine was not drained")
	}
}

func TestCancellingDrainsAll(t *testing.T) {
	a, b := newFake(), newFake()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		done <- runAll(ctx, []engine{{"capture erp", a}, {"sink crm", b}}, slog.New(slog.DiscardHandler))
	}()
	<-a.begun
	<-b.begun
	cancel()
	if err := <-done; err != nil {
		t.Errorf("draining is no error: %v", err)
	}
	if !a.drained || !b.drained {
		t.Errorf("drained: %v, %v", a.drained, b.drained)
	}
}

func TestFailureWhileDrainingIsTold(t *testing.T) {
	a := newFake()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	a.fail <- errors.New("could not commit")
	err := runAll(ctx, []engine{{"stream customer", a}}, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "stream customer: could not commit") {
		t.Errorf("error = %v", err)
	}
}

func TestAnEngineThatEndsLeavesTheOthers(t *testing.T) {
	over, on := newFake(), newFake()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		done <- runAll(ctx, []engine{{"capture erp", over}, {"sink crm", on}}, slog.New(slog.DiscardHandler))
	}()
	<-on.begun
	over.fail <- nil // the source has ended for good
	select {
	case err := <-done:
		t.Fatalf("all ended with the first: %v", err)
	case <-over.begun:
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
