package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// template returns the directory in the cache that holds what fill makes of an
// empty database: slow to make, so made once for each kind and key, which must
// change with what fill would make. fill gets the path of a directory that does
// not exist, in one that belongs to the account: beside the cache, as the
// account may not reach into the home of root. The result appears in the cache
// with one rename, so that two processes may do this at the same time.
func template(ctx context.Context, kind, key string, as *account, fill func(ctx context.Context, data string) error) (string, error) {
	cache, err := cacheDir(kind)
	if err != nil {
		return "", err
	}
	kept := filepath.Join(cache, fileName(key))
	if _, err := os.Stat(kept); err == nil {
		return kept, nil
	}
	work, err := place("", kind+"-template")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	if err := errors.Join(os.Chmod(work, 0o755), give(work, as)); err != nil {
		return "", fmt.Errorf("preparing an empty database of %s: %w", kind, err)
	}
	made := filepath.Join(work, "data")
	if err := fill(ctx, made); err != nil {
		return "", err
	}
	part, err := os.MkdirTemp(cache, "part-")
	if err != nil {
		return "", fmt.Errorf("keeping an empty database of %s: %w", kind, err)
	}
	defer os.RemoveAll(part)
	if err := copyTree(ctx, made, filepath.Join(part, "data")); err != nil {
		return "", err
	}
	if err := os.Rename(filepath.Join(part, "data"), kept); err != nil {
		if _, err2 := os.Stat(kept); err2 != nil {
			return "", fmt.Errorf("keeping an empty database of %s: %w", kind, err)
		}
	}
	return kept, nil
}

// fileName is the text as the name of a file: lower case, without blanks and
// punctuation.
func fileName(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' {
			return r
		}
		return '-'
	}, strings.ToLower(strings.TrimSpace(text)))
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
