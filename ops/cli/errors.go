package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"sluice/ops/config"
	"sluice/ops/run"
)

// The exit codes. A second signal while draining exits with 130.
const (
	ExitOK = iota
	// ExitError: it went wrong while running.
	ExitError
	// ExitUsage: the command line or the configuration is wrong; trying again
	// does not help.
	ExitUsage
	// ExitNotReady: the answer is no: the lag is over the bound.
	ExitNotReady
)

// coded is an error with an exit code of its own.
type coded struct {
	code int
	error
}

// Unwrap returns the error.
func (c coded) Unwrap() error { return c.error }

func usage(err error) error {
	if err == nil {
		return nil
	}
	return coded{ExitUsage, err}
}

// report writes each error as one line and returns the exit code.
func report(w io.Writer, err error) int {
	if err == nil {
		return ExitOK
	}
	code := ExitError
	var (
		c      coded
		misuse run.Misuse
	)
	if errors.As(err, &c) {
		code, err = c.code, c.error
	} else if errors.As(err, &misuse) {
		code = ExitUsage
	}
	for _, e := range config.Flatten(err) {
		fmt.Fprintln(w, "sluice: "+oneLine(e.Error()))
	}
	return code
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
