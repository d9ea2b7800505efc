package cli

import (
	"fmt"
	"runtime"
)

type versionCmd struct{ format }

// Help teaches the verb.
func (versionCmd) Help() string { return "Example:\n\n\tsluice version -o json" }

// Run runs the verb.
func (c *versionCmd) Run(s *session) error {
	if c.json() {
		return line(s.stdout, map[string]string{"version": s.version, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH})
	}
	_, err := fmt.Fprintf(s.stdout, "sluice %s (%s, %s/%s)\n", s.version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
