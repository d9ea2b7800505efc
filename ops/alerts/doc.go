// Package alerts holds the alert rules for Prometheus, sluice.yml, and the
// tests that keep them useful: each alert has its runbook in ops/runbooks, each
// runbook its alert, and every metric that an alert or a dashboard names is
// one that sluice exports.
package alerts
