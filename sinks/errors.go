package sinks

import (
	"errors"
	"fmt"
	"time"
)

// Class is what to do about a failed delivery.
type Class uint8

const (
	// Retry: the target or the way to it has a passing trouble; the same
	// delivery may succeed later. Counts against the breaker.
	Retry Class = iota
	// Throttled: the target asks for patience (429, 503 with Retry-After).
	// Tried again no sooner than After; does not count against the breaker.
	Throttled
	// Permanent: this record will never be taken as it is. Parked.
	Permanent
	// Stop: nothing will be taken until a person mends the configuration
	// (401, 403, unknown path). The sink stops; nothing is parked.
	Stop
)

var classNames = [...]string{"retry", "throttled", "permanent", "stop"}

// String names the class.
func (c Class) String() string { return classNames[c] }

// Error is a failed delivery, classified.
type Error struct {
	Class Class
	// After is the least time to wait before the next try; zero: none asked.
	After time.Duration
	// Status is the target's code for the answer, if it gave one.
	Status string
	// Answer is an excerpt of the target's answer, without secrets.
	Answer string
	Err    error
}

// Error says the class's cause and the answer.
func (e *Error) Error() string {
	s := e.Err.Error()
	if e.Answer != "" {
		s = fmt.Sprintf("%s: %s", s, e.Answer)
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// BatchError is a batch of which some deliveries failed.
type BatchError struct {
	// Failed is by index in the batch; what is not in it was taken.
	Failed map[int]error
}

// Error counts the failures and shows one.
func (e *BatchError) Error() string {
	for i, err := range e.Failed {
		return fmt.Sprintf("%d deliveries of the batch failed, one of them (index %d): %v", len(e.Failed), i, err)
	}
	return "no delivery of the batch failed"
}

// Classify says what to do about an error of Write for one delivery. Errors
// that carry no class are taken for trouble on the way: Retry.
func Classify(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Class: Retry, Err: err}
}
