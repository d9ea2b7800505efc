package local

import "errors"

// ErrMissing is the cause of every error that says that a program is not
// installed on this machine. Install what the error names, or skip.
var ErrMissing = errors.New("not installed")

// ErrStopped is returned by a method of a server that is not running. Call
// Restart first, where the server has it.
var ErrStopped = errors.New("server is not running")
