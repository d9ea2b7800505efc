// Package e2e holds the end-to-end tests: the whole pipeline as the processes
// that users run, against real servers, with the plug pulled. The worlds come
// from ops/demo/world, the verdict from ops/demo/audit.
package e2e
