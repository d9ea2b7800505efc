package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
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
	key := strings.Map(func(r rune) rune {
		if r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' {
			return r
		}
		return '-'
	}, strings.ToLower(strings.TrimSpace(string(version))))
	cache, err := cacheDir("postgres")
	if err != nil {
		return err
	}
	template := filepath.Join(cache, key)
	if _, err := os.Stat(filepath.Join(template, "PG_VERSION")); err != nil {
		if err := makeTemplate(ctx, bin, template, as); err != nil {
			return err
		}
	}
	return copyTree(ctx, template, data)
}

// makeTemplate runs initdb beside the cache, as the account may not reach into
// the home of root, and moves the result in with one rename, so that two
// processes may do this at the same time.
func makeTemplate(ctx context.Context, bin, template string, as *account) error {
	work, err := place("", "initdb")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := errors.Join(os.Chmod(work, 0o755), give(work, as)); err != nil {
		return fmt.Errorf("preparing initdb: %w", err)
	}
	made := filepath.Join(work, "data")
	if err := initdb(ctx, bin, made, "C.UTF-8", as); err != nil {
		// Not every system has the locale C.UTF-8; C sorts the same.
		if err2 := initdb(ctx, bin, made, "C", as); err2 != nil {
			return err
		}
	}
	part, err := os.MkdirTemp(filepath.Dir(template), "part-")
	if err != nil {
		return fmt.Errorf("keeping the result of initdb: %w", err)
	}
	defer os.RemoveAll(part)
	if err := copyTree(ctx, made, filepath.Join(part, "data")); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(part, "data"), template); err != nil {
		if _, err2 := os.Stat(filepath.Join(template, "PG_VERSION")); err2 != nil {
			return fmt.Errorf("keeping the result of initdb: %w", err)
		}
	}
	return nil
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

// copyTree copies with cp, which keeps the modes and shares the blocks where
// the file system can.
func copyTree(ctx context.Context, from, to string) error {
	args := []string{"-Rp", from, to}
	if runtime.GOOS == "linux" {
		args = append([]string{"--reflink=auto"}, args...)
	}
	if out, err := exec.CommandContext(ctx, "cp", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("copying %s: %w: %s", from, err, strings.TrimSpace(string(out)))
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
