package deliver

import (
	"context"
	"errors"
	"time"

	"sluice/schemas"
	"sluice/sinks"
)

// reasonConverged filters a delivery whose content the target has already.
const reasonConverged = "converged"

// rememberTimeout bounds one try to reach what remembers the echoes, so that its
// outage does not hold the places of the pool for long.
const rememberTimeout = 10 * time.Second

// unconverged has the echoes of the deliveries remembered, and settles those that
// the target has already. It returns what is left to write, with the indexes of
// the tasks. Where nothing can be remembered nothing is written: all wait.
func (d *Deliver) unconverged(ctx context.Context, tasks []*task, batch []*sinks.Delivery, index []int, verdicts []verdict) ([]*sinks.Delivery, []int) {
	if d.echoes == nil {
		return batch, index
	}
	bounded, cancel := context.WithTimeout(ctx, rememberTimeout)
	converged, err := d.echoes.Before(bounded, batch)
	cancel()
	if err != nil {
		d.cannotRemember(ctx, tasks, index, verdicts, err)
		return nil, nil
	}
	if d.forgetful.Swap(nil) != nil {
		d.log.Info("echoes are remembered again")
	}
	left, of := batch[:0], index[:0]
	for n, i := range index {
		if !converged[n] {
			left, of = append(left, batch[n]), append(of, i)
			continue
		}
		d.logger(tasks[i]).Debug("left out: the target has this content already", "position", batch[n].Position)
		d.settle(tasks[i], fateFiltered, reasonConverged)
		verdicts[i] = verdict{step: settled}
	}
	return left, of
}

// cannotRemember has the tasks wait: that Redis is away is neither their fault
// nor the target's.
func (d *Deliver) cannotRemember(ctx context.Context, tasks []*task, index []int, verdicts []verdict, err error) {
	if fault, ok := errors.AsType[*schemas.Fault](err); ok {
		d.fail(fault)
	}
	if ctx.Err() == nil {
		why := "sink " + d.name + " waits, since it cannot remember what it writes: " + err.Error()
		if d.forgetful.Swap(&why) == nil {
			d.log.Warn("echoes cannot be remembered; deliveries wait", "error", err)
		}
	}
	for _, i := range index {
		tasks[i].tries++
		verdicts[i] = verdict{again, d.cfg.Backoff.wait(tasks[i].tries)}
	}
}

// remember tells what became of the deliveries. It is done in spite of a signal
// to stop: a write that is cut short may have been taken.
func (d *Deliver) remember(life context.Context, batch []*sinks.Delivery, errs []*sinks.Error) {
	if d.echoes == nil {
		return
	}
	ctx, cancel := context.WithTimeout(life, rememberTimeout)
	defer cancel()
	if err := d.echoes.After(ctx, batch, errs); err != nil && life.Err() == nil {
		d.log.Warn("what was written is not remembered; some of it may be written again", "error", err)
	}
}
