// Package cli is the command line of sluice, one verb a file. A verb reads its
// flags, loads the configuration for just what it needs, and calls the package
// that does the work; it holds no logic of its own.
//
// Results go to stdout, everything else to stderr. An error is one line,
// "sluice: where: what: cause; cure"; several errors are several lines. The
// exit codes are in errors.go and in `sluice --help`.
package cli
