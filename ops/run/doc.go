// Package run assembles a role: it builds the engines that the configuration
// names, runs them together, and serves their health.
//
//	serve /healthz /readyz /metrics ──► Kafka and registry answer? ──► build ──► run
//	                                          │ no                      │         │
//	                                          ▼                         ▼         ▼ an engine fails, or the
//	                                     one-line error            one-line     first signal: all drain;
//	                                                                 error      the second signal abandons
//
// The table from a kind in the configuration ("postgres", "api") to its
// constructor stands in engines.go, and nowhere else.
package run
