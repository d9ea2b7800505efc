package local

import (
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

// place makes the directory of a server: dir, made if it is not there, or a
// new temporary one.
func place(dir, name string) (string, error) {
	if dir == "" {
		d, err := os.MkdirTemp("", "sluice-"+name+"-")
		if err != nil {
			return "", fmt.Errorf("making a directory for %s: %w", name, err)
		}
		return d, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("making the directory of %s: %w", name, err)
	}
	return filepath.Abs(dir)
}

// FreePort returns a TCP port of the loopback interface that nothing listens
// on. Another process may take it before the caller does: be ready to ask
// again.
func FreePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("looking for a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// cacheDir is where what is slow to make is kept between runs.
func cacheDir(elem ...string) (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir()
	}
	dir := filepath.Join(append([]string{base, "sluice"}, elem...)...)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("making the cache directory: %w", err)
	}
	return dir, nil
}

// unprivileged returns the first of the users that exists, if this process is
// root's, else nil.
func unprivileged(names ...string) *account {
	if os.Geteuid() != 0 {
		return nil
	}
	for _, name := range names {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil && uid != 0 {
			return &account{uint32(uid), uint32(gid)}
		}
	}
	return nil
}

// give makes the account the owner of everything below dir.
func give(dir string, as *account) error {
	if as == nil {
		return nil
	}
	return filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(as.uid), int(as.gid))
	})
}

// inUse reports whether the output of a server says that its port was taken.
func inUse(output string) bool {
	return strings.Contains(strings.ToLower(output), "address already in use")
}
