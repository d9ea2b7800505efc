// Package local starts private servers on this machine, for tests, for the
// demo and for benchmarks: Postgres, MySQL, MariaDB, Redis, Apache Kafka, an
// embedded Kafka broker and an embedded schema registry.
//
// Every server lives in a directory of its own and listens on a free port of
// the loopback interface, so that any number of them run side by side and
// beside the ones that the machine already has.
//
//	Start ──► running ──► Stop     orderly; the directory goes, unless KeepDir
//	             │  ▲
//	             │  └──── Restart  same directory, same port
//	             └──────► Kill     SIGKILL; the directory stays for Restart
//
// A server never outlives the process that started it, however that process
// ends: the kernel signals the server when its parent dies, and a small
// janitor, which waits at the other end of a pipe, ends what is left and
// removes the directory.
//
// Where a server's program is not installed, Start returns an error that is
// ErrMissing and says what to install; Ensure installs it where it can.
package local
