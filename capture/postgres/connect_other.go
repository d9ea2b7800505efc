//go:build !linux

package postgres

import "syscall"

// userTimeout is Linux's; elsewhere keep-alive probes must do.
func userTimeout(string, string, syscall.RawConn) error { return nil }
