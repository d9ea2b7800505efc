package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"sluice/schemas"
)

// postgresPlaces are where systems keep a version's programs, out of the PATH.
var postgresPlaces = []string{
	"/usr/lib/postgresql/*/bin/initdb", "/opt/homebrew/opt/postgresql@*/bin/initdb", "/usr/pgsql-*/bin/initdb",
}

// findPostgres returns the directory of the newest server's programs that the
// system has.
func findPostgres() (string, error) {
	newest, best := "", -1
	for _, pattern := range postgresPlaces {
		found, _ := filepath.Glob(pattern)
		for _, path := range found {
			dir := filepath.Dir(path)
			if _, err := os.Stat(filepath.Join(dir, "postgres")); err != nil {
				continue
			}
			if v := lastNumber(filepath.Dir(dir)); v > best {
				newest, best = dir, v
			}
		}
	}
	if newest != "" {
		return newest, nil
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		// A link in the PATH may point into the directory of all programs.
		if target, err := filepath.EvalSymlinks(path); err == nil {
			path = target
		}
		if _, err := os.Stat(filepath.Join(filepath.Dir(path), "postgres")); err == nil {
			return filepath.Dir(path), nil
		}
	}
	return "", &schemas.Fault{
		Where: "postgres", What: "no server found in /usr/lib/postgresql or the PATH", Err: ErrMissing,
		Cure: "install it: apt-get install postgresql (Debian), dnf install postgresql-server, brew install postgresql",
	}
}

// lastNumber is the number at the end of "/usr/lib/postgresql/17", else 0.
func lastNumber(path string) int {
	i := strings.LastIndexFunc(path, func(r rune) bool { return r < '0' || r > '9' })
	n, _ := strconv.Atoi(path[i+1:])
	return n
}

// copyTemplate fills data with a new cluster: UTF8, C.UTF-8, trust. initdb
// takes seconds, so its result is kept in the cache, one for each version.
func copyTemplate(ctx context.Context, bin, data string, as *account) error {
	version, err := exec.CommandContext(ctx, filepath.Join(bin, "postgres"), "--version").Output()
	if err != nil {
		return fmt.Errorf("asking postgres for its version: %w", err)
	}
	kept, err := template(ctx, "postgres", string(version), as, func(ctx context.Context, made string) error {
		err := initdb(ctx, bin, made, "C.UTF-8", as)
		if err != nil && initdb(ctx, bin, made, "C", as) == nil {
			return nil // not every system has the locale C.UTF-8; C sorts the same
		}
		return err
	})
	if err != nil {
		return err
	}
	return copyTree(ctx, kept, data)
}

func initdb(ctx context.Context, bin, data, locale string, as *account) error {
	_ = os.RemoveAll(data)
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres",
		"-A", "trust", "-E", "UTF8", "--locale="+locale, "--no-sync")
	cmd.Dir = filepath.Dir(data)
	cmd.SysProcAttr = attributes(syscall.SIGKILL, as)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("running initdb: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// children lists the processes whose parent is pid; none where /proc is not.
func children(pid int) []int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil
	}
	var out []int
	for _, f := range strings.Fields(string(b)) {
		if n, err := strconv.Atoi(f); err == nil {
			out = append(out, n)
		}
	}
	return out
}

// alive reports whether the process exists and is not a zombie, which holds
// nothing any more and may stay where nobody reaps orphans.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return syscall.Kill(pid, 0) == nil
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

// join is errors.Join that keeps a single error as it is.
func join(a, b error) error {
	if b == nil {
		return a
	}
	return errors.Join(a, b)
}
