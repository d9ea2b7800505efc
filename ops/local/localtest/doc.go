// Package localtest lends private servers to tests. The first test that asks
// starts the server, the tests of one binary share it, and it is gone when
// they are:
//
//   - Postgres, MySQL and MariaDB are started once a test binary and end with it.
//     They run outside the process and keep no goroutine, so goleak has nothing
//     to say.
//   - The embedded broker and the registry run inside the process. They are
//     closed when the last test that asked for them has ended, and start anew,
//     empty, with the next.
//
// A server that is not installed skips the test and says why. With
// REQUIRE_SERVICES=1 it fails the test instead. With SLUICE_INSTALL=1 it is
// installed first, where that is possible.
package localtest
