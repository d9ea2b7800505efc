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

	"sluice/schemas"
)

// Artifact is one of Maven Central.
type Artifact struct {
	Group   string `xml:"groupId"`
	Name    string `xml:"artifactId"`
	Version string `xml:"version"`
}

// Java returns the path of java. Maven, which fetches jars, has to be there
// too. The error is ErrMissing, for the part of that name.
func Java(part string) (string, error) {
	java, err := exec.LookPath("java")
	if err == nil {
		_, err = exec.LookPath("mvn")
	}
	if err != nil {
		return "", &schemas.Fault{
			Where: part, What: "needs java (17 or later) and mvn in the PATH", Err: ErrMissing,
			Cure: "install them: apt-get install default-jre-headless maven (Debian), brew install openjdk@17 maven",
		}
	}
	return java, nil
}

// Jars returns a directory with the artifacts, the jars that they depend on,
// and the files, given by name. The first call on a machine has Maven fetch
// them; they are kept under name and version, which therefore must change with
// the artifacts. Two processes may do so at the same time: the directory
// appears with one rename.
func Jars(ctx context.Context, name, version string, files map[string]string, artifacts ...Artifact) (string, error) {
	cache, err := cacheDir(name)
	if err != nil {
		return "", err
	}
	jars := filepath.Join(cache, version)
	if _, err := os.Stat(jars); err == nil {
		return jars, nil
	}
	part, err := os.MkdirTemp(cache, "part-")
	if err != nil {
		return "", fmt.Errorf("making the cache directory: %w", err)
	}
	defer os.RemoveAll(part)
	lib := filepath.Join(part, "lib")
	if err := os.WriteFile(filepath.Join(part, "pom.xml"), pom(name, artifacts), 0o644); err != nil {
		return "", fmt.Errorf("writing the pom of %s: %w", name, err)
	}
	cmd := exec.CommandContext(ctx, "mvn", "-q", "-B", "-f", filepath.Join(part, "pom.xml"),
		"dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory="+lib)
	cmd.SysProcAttr = attributes(syscall.SIGKILL, nil)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", &schemas.Fault{
			Where: name, What: "fetching the jars of version " + version + " from Maven Central", Cure: "check that mvn reaches Maven Central",
			Err: fmt.Errorf("%w: %s", err, firstError(string(out))),
		}
	}
	for file, text := range files {
		if err := os.WriteFile(filepath.Join(lib, file), []byte(text), 0o644); err != nil {
			return "", fmt.Errorf("writing %s of %s: %w", file, name, err)
		}
	}
	if err := os.Rename(lib, jars); err != nil {
		if _, err2 := os.Stat(jars); err2 != nil {
			return "", fmt.Errorf("keeping the jars of %s: %w", name, err)
		}
	}
	return jars, nil
}

// pom is a Maven project that depends on the artifacts and holds nothing.
func pom(name string, artifacts []Artifact) []byte {
	project := struct {
		XMLName      xml.Name   `xml:"http://maven.apache.org/POM/4.0.0 project"`
		Model        string     `xml:"modelVersion"`
		Group        string     `xml:"groupId"`
		Name         string     `xml:"artifactId"`
		Version      string     `xml:"version"`
		Dependencies []Artifact `xml:"dependencies>dependency"`
	}{Model: "4.0.0", Group: "sluice", Name: name + "-jars", Version: "1", Dependencies: artifacts}
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
