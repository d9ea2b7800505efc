package deliver

import (
	"context"
	"errors"
	"time"

	"sluice/schemas"
	"sluice/sinks"
)

// Reasons of dead letters.
const (
	reasonRefused     = "refused"
	reasonAttempts    = "attempts"
	reasonUndecodable = "undecodable"
)

// attempt tries to deliver the tasks, which are of different keys, and says of
// each what comes next. ctx ends the write; life ends what Kafka is told of it.
func (d *Deliver) attempt(ctx, life context.Context, tasks []*task) []verdict {
	verdicts := make([]verdict, len(tasks))
	batch := make([]*sinks.Delivery, 0, len(tasks))
	index := make([]int, 0, len(tasks))
	for i, t := range tasks {
		v, fit := d.prepare(ctx, life, t)
		if !fit {
			verdicts[i] = v
			continue
		}
		batch, index = append(batch, t.delivery), append(index, i)
	}
	if len(batch) == 0 {
		return verdicts
	}
	tell, allowed := d.breaker.allow()
	if !allowed {
		for _, i := range index {
			verdicts[i] = verdict{step: held}
		}
		return verdicts
	}
	if batch, index = d.unconverged(ctx, tasks, batch, index, verdicts); len(batch) == 0 {
		tell(noWord)
		return verdicts
	}
	for _, i := range index {
		d.breaker.begin(tasks[i])
	}
	errs := d.write(ctx, batch)
	tell(word(ctx, errs))
	d.remember(life, batch, errs)
	for n, i := range index {
		verdicts[i] = d.judge(ctx, life, tasks[i], errs[n])
	}
	return verdicts
}

// prepare makes a task fit for writing. False: it is not, and the verdict says
// what comes next.
func (d *Deliver) prepare(ctx, life context.Context, t *task) (verdict, bool) {
	if t.delivery == nil {
		err := d.decode(ctx, t)
		var u *undecodable
		var stop *sinks.Error
		switch {
		case err == nil:
			t.tries = 0
		case errors.As(err, &u):
			d.park(life, t, reasonUndecodable, &sinks.Error{Class: sinks.Permanent, Err: err})
			return verdict{step: settled}, false
		case errors.As(err, &stop):
			d.fail(d.stopFault(stop))
			return verdict{again, d.cfg.Backoff.MaxInterval}, false
		default:
			// The registry is away: that is neither the record's fault nor
			// the target's.
			t.tries++
			if ctx.Err() == nil {
				d.logger(t).Warn("the schema cannot be fetched; it is tried again", "error", err, "tries", t.tries)
			}
			return verdict{again, d.cfg.Backoff.wait(t.tries)}, false
		}
	}
	d.breaker.charge(t)
	if most := d.cfg.Backoff.MaxAttempts; most > 0 && t.charged >= most {
		d.park(life, t, reasonAttempts, t.last)
		return verdict{step: settled}, false
	}
	return verdict{}, true
}

// write calls the sink and returns what it said of each delivery.
func (d *Deliver) write(ctx context.Context, batch []*sinks.Delivery) []*sinks.Error {
	for _, del := range batch {
		del.Attempt++
		del.Receipt = sinks.Receipt{}
	}
	d.metrics.inFlight.Add(float64(len(batch)))
	begun := time.Now()
	err := d.sink.Write(ctx, batch)
	d.metrics.latency.Observe(time.Since(begun).Seconds())
	d.metrics.inFlight.Sub(float64(len(batch)))

	errs := make([]*sinks.Error, len(batch))
	var partial *sinks.BatchError
	switch {
	case err == nil:
	case errors.As(err, &partial):
		for i, e := range partial.Failed {
			if i >= 0 && i < len(errs) && e != nil {
				errs[i] = sinks.Classify(e)
			}
		}
	default:
		e := sinks.Classify(err)
		for i := range errs {
			errs[i] = e
		}
	}
	for _, e := range errs {
		class := "ok"
		if e != nil {
			class = e.Class.String()
		}
		d.metrics.attempts.WithLabelValues(class).Inc()
	}
	return errs
}

// word is what the outcome of a write tells of the target.
func word(ctx context.Context, errs []*sinks.Error) answer {
	told := noWord
	for _, e := range errs {
		switch {
		case e == nil, e.Class == sinks.Permanent:
			return alive // it took or refused at least one
		case e.Class == sinks.Retry && ctx.Err() == nil:
			told = failing
		}
	}
	return told
}

// judge says what comes after a delivery was tried.
func (d *Deliver) judge(ctx, life context.Context, t *task, e *sinks.Error) verdict {
	if e == nil {
		d.receipt(life, t)
		return verdict{step: settled}
	}
	t.last = e
	if ctx.Err() != nil && e.Class != sinks.Permanent {
		return verdict{step: again} // cut short by us: it says nothing
	}
	log := d.logger(t).With("attempt", t.delivery.Attempt, "class", e.Class.String(), "error", e)
	switch e.Class {
	case sinks.Permanent:
		d.park(life, t, reasonRefused, e)
		return verdict{step: settled}
	case sinks.Stop:
		d.fail(d.stopFault(e))
		return verdict{again, d.cfg.Backoff.MaxInterval}
	case sinks.Throttled:
		wait := e.After
		if wait <= 0 {
			t.tries++
			wait = d.cfg.Backoff.wait(t.tries)
		}
		wait = patience(wait)
		log.Debug("the target asks for patience", "wait", wait)
		return verdict{again, wait}
	}
	d.breaker.fail(t)
	if !d.breaker.closed() {
		// The breaker's pause stands for the backoff: the delivery goes
		// behind the others, and may be the next to probe the target.
		t.tries = 0
		return verdict{again, patience(e.After)}
	}
	t.tries++
	wait := max(d.cfg.Backoff.wait(t.tries), patience(e.After))
	log.Info("the delivery failed; it is tried again", "wait", wait)
	return verdict{again, wait}
}

// stopFault makes what a person must mend of an error.
func (d *Deliver) stopFault(e *sinks.Error) error {
	var f *schemas.Fault
	if errors.As(e.Err, &f) {
		return f
	}
	return &schemas.Fault{
		Where: "sinks." + d.name, What: "the target takes nothing as it is configured", Err: e,
		Cure: "mend it and start the sink again; nothing was parked and no offset passed",
	}
}
