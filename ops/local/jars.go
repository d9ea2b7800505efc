package local

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"sluice/schemas"
)

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
	if err := fetch(ctx, part, lib, artifacts...); err != nil {
		return "", &schemas.Fault{
			Where: name, What: "fetching the jars of version " + version + " from Maven Central", Err: err,
			Cure: "check that mvn reaches Maven Central",
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
