package alerts_test

import (
	"os/exec"
	"testing"
)

// TestAlertsFire has Prometheus's own tool evaluate the rules over made up
// series. It is not among the services that REQUIRE_SERVICES insists on: the
// rules are seldom touched, and whoever touches them installs it.
func TestAlertsFire(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not in the PATH: apt-get install prometheus (Debian)")
	}
	if out, err := exec.CommandContext(t.Context(), promtool, "test", "rules", "testdata/alerts.yml").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
