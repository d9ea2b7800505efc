package local

import (
	"context"
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Artifact is one of Maven Central's.
type Artifact struct {
	Group   string `xml:"groupId"`
	Name    string `xml:"artifactId"`
	Version string `xml:"version"`
}

// fetch has Maven put the artifacts, and what they depend on, into lib. It works
// in the directory work.
func fetch(ctx context.Context, work, lib string, artifacts ...Artifact) error {
	project := filepath.Join(work, "pom.xml")
	if err := os.WriteFile(project, pom(artifacts), 0o644); err != nil {
		return fmt.Errorf("writing the project of Maven: %w", err)
	}
	cmd := exec.CommandContext(ctx, "mvn", "-q", "-B", "-f", project,
		"dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory="+lib)
	cmd.SysProcAttr = attributes(syscall.SIGKILL, nil)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, firstError(string(out)))
	}
	return nil
}

// pom is a Maven project that depends on the artifacts and holds nothing.
func pom(artifacts []Artifact) []byte {
	project := struct {
		XMLName      xml.Name   `xml:"http://maven.apache.org/POM/4.0.0 project"`
		Model        string     `xml:"modelVersion"`
		Group        string     `xml:"groupId"`
		Name         string     `xml:"artifactId"`
		Version      string     `xml:"version"`
		Dependencies []Artifact `xml:"dependencies>dependency"`
	}{Model: "4.0.0", Group: "sluice", Name: "fetched", Version: "1", Dependencies: artifacts}
	b, err := xml.MarshalIndent(project, "", " ")
	if err != nil {
		panic(err) // the value above is fixed
	}
	return b
}

// firstError is the first line of Maven's output that is one.
func firstError(out string) string {
	for line := range strings.Lines(out) {
		if strings.Contains(line, "ERROR") {
			return strings.TrimSpace(line)
		}
	}
	return strings.TrimSpace(out)
}
