package pump

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/capture"
)

// SignalsTopic holds what people ask of running captures: the key is the
// capture's name, the value a capture.Signal in JSON. Its offset is the signal's
// number, which the source saves in its position: so each is obeyed once.
const SignalsTopic = "sluice.signals"

// obey reads the signals of the capture until ctx is done, and hands them to a
// source that takes them. What was asked before the capture's first start is
// not for it.
func (s *session) obey(ctx context.Context, src capture.Snapshotter) error {
	kc := s.kafka
	kc.Topics.Partitions = 1
	if err := kc.Ensure(ctx, s.client, false, SignalsTopic); err != nil {
		return fmt.Errorf("creating topic %q: %w", SignalsTopic, err)
	}
	next := src.Signalled() + 1
	if next == 0 {
		ends, err := kadm.NewClient(s.client).ListEndOffsets(ctx, SignalsTopic)
		if err != nil {
			return fmt.Errorf("asking for the end of topic %q: %w", SignalsTopic, err)
		}
		if end, ok := ends.Lookup(SignalsTopic, 0); ok && end.Err == nil {
			next = end.Offset
		}
	}
	opts, err := s.kafka.Options("sluice.capture."+s.name, s.log)
	if err != nil {
		return err
	}
	cl, err := kgo.NewClient(append(opts,
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{SignalsTopic: {0: kgo.NewOffset().At(next)}}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
	)...)
	if err != nil {
		return err
	}
	defer cl.Close()
	for {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		for r := range fetches.RecordsAll() {
			if string(r.Key) != s.name {
				continue
			}
			signal := capture.Signal{}
			if err := json.Unmarshal(r.Value, &signal); err != nil {
				s.log.Error("a signal cannot be read", "topic", SignalsTopic, "offset", r.Offset, "error", err)
				continue
			}
			signal.Number = r.Offset
			if err := src.Signal(ctx, signal); err != nil {
				return err
			}
		}
	}
}

// listen runs obey beside the reader, where the source takes signals.
func (s *session) listen(ctx context.Context) (stop func()) {
	src, ok := s.source.(capture.Snapshotter)
	if !ok {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.obey(ctx, src); err != nil && ctx.Err() == nil {
			s.log.Warn("signals are not read until the source is opened again", "error", err)
		}
	}()
	return func() {
		cancel()
		<-done
	}
}
