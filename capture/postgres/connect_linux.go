package postgres

import (
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// userTimeout ends a connection whose peer leaves sent bytes unanswered, which
// keep-alive probes alone do not notice.
func userTimeout(network, _ string, c syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	var err error
	if e := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(aliveFor.Milliseconds()))
	}); e != nil {
		return e
	}
	return err
}
