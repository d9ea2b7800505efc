package local

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"sluice/schemas"
)

// Of Debian's releases only the unstable one, sid, has MySQL. Its packages are
// unpacked into a directory of their own, with the C library that they want, and
// nothing of them is installed.
const (
	debianMySQL  = "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian sid main\n"
	mysqlRelease = "debian-sid"
)

// sharedMySQL is where root keeps what it fetched: for everyone to read, as the
// servers of root run as another user.
const sharedMySQL = "/var/cache/sluice/mysql"

// fetchedMySQL are the directories that may hold a fetched MySQL. The last is
// where this user would put it.
func fetchedMySQL() []string {
	dirs := []string{filepath.Join(sharedMySQL, mysqlRelease)}
	if os.Geteuid() != 0 {
		if dir, err := cacheDir("mysql-servers"); err == nil {
			dirs = append(dirs, filepath.Join(dir, mysqlRelease))
		}
	}
	return dirs
}

// canFetchMySQL is nil where FetchMySQL has what it needs, or nothing to do.
func canFetchMySQL() error {
	_, missing := FlavourMySQL.find()
	if missing == nil {
		return nil
	}
	for _, tool := range []string{"apt-get", "dpkg-deb"} {
		if _, err := exec.LookPath(tool); err != nil {
			return missing
		}
	}
	return nil
}

// FetchMySQL fetches MySQL from Debian, unless it is installed or there already.
// It needs apt-get, not root. Two processes may do so at the same time: the
// directory appears with one rename.
func FetchMySQL(ctx context.Context) error {
	if _, err := FlavourMySQL.find(); err == nil {
		return nil
	}
	if err := canFetchMySQL(); err != nil {
		return err
	}
	dirs := fetchedMySQL()
	dir := dirs[len(dirs)-1]
	if err := fetchMySQL(ctx, dir); err != nil {
		cure := "check that this machine reaches deb.debian.org and has the package debian-archive-keyring, or install MySQL 8.0.23 or later yourself"
		if strings.Contains(err.Error(), "is expired") {
			// Its signature holds, but it is old: whether that mirror is trusted
			// is for the machine's owner to say.
			cure = "the mirror's list of packages is out of date: check the clock and the mirror, or, if the mirror is known to lag, " +
				`write Acquire::Check-Valid-Until "false"; into a file of /etc/apt/apt.conf.d; or install MySQL 8.0.23 or later yourself`
		}
		return &schemas.Fault{Where: "mysql", What: "fetching MySQL from Debian", Err: err, Cure: cure}
	}
	_, err := FlavourMySQL.find()
	return err
}

func fetchMySQL(ctx context.Context, dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	part, err := os.MkdirTemp(filepath.Dir(dir), "part-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(part)
	packages, err := download(ctx, part, debianMySQL, "mysql-server-core", "mysql-client-core")
	if err != nil {
		return err
	}
	server := filepath.Join(part, "server")
	if err := os.Mkdir(server, 0o755); err != nil {
		return err
	}
	for _, p := range packages {
		if err := tool(ctx, "dpkg-deb", "--extract", p, server); err != nil {
			return err
		}
	}
	if err := wrap(server); err != nil {
		return err
	}
	if err := os.Rename(server, dir); err != nil {
		if _, err2 := os.Stat(dir); err2 != nil {
			return err
		}
	}
	return nil
}

// download has apt-get put the packages, and all that they depend on, into a
// directory below work, as if nothing were installed. It knows nothing of the
// system's own lists, sources and locks.
func download(ctx context.Context, work, source string, packages ...string) ([]string, error) {
	lists, archives := filepath.Join(work, "lists"), filepath.Join(work, "archives")
	sources, status := filepath.Join(work, "sources.list"), filepath.Join(work, "status")
	for _, dir := range []string{lists, archives} {
		if err := os.MkdirAll(filepath.Join(dir, "partial"), 0o755); err != nil {
			return nil, err
		}
	}
	for path, text := range map[string]string{sources: source, status: ""} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	var options []string
	for _, o := range []string{
		"Dir::Etc::sourcelist=" + sources, "Dir::Etc::sourceparts=/dev/null", "Dir::Etc::preferencesparts=/dev/null",
		"Dir::State::lists=" + lists, "Dir::State::status=" + status, "Dir::Cache::archives=" + archives,
		"Dir::Cache::pkgcache=", "Dir::Cache::srcpkgcache=", "Debug::NoLocking=1",
		"APT::Sandbox::User=", // another user could not write into our directory
		"APT::Install-Recommends=0", "Acquire::Languages=none", "APT::Update::Post-Invoke-Success::=true",
	} {
		options = append(options, "-o", o)
	}
	if err := tool(ctx, "apt-get", append(options, "update", "-q")...); err != nil {
		return nil, err
	}
	options = append(options, "install", "-q", "-y", "--download-only")
	if err := tool(ctx, "apt-get", append(options, packages...)...); err != nil {
		return nil, err
	}
	return filepath.Glob(filepath.Join(archives, "*.deb"))
}

// wrap writes bin/ beside the unpacked packages: a script for each program of
// MySQL, which runs it with the C library that it came with.
func wrap(server string) error {
	loaders, err := filepath.Glob(filepath.Join(server, "usr/lib/*-linux-gnu*/ld-linux*.so.[0-9]"))
	if err != nil || len(loaders) != 1 {
		return fmt.Errorf("the packages hold %d dynamic loaders instead of one", len(loaders))
	}
	loader, err := filepath.Rel(server, loaders[0])
	if err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(server, "bin"), 0o755); err != nil {
		return err
	}
	for _, pattern := range []string{"usr/sbin/mysqld", "usr/bin/mysql*"} {
		programs, err := filepath.Glob(filepath.Join(server, pattern))
		if err != nil {
			return err
		}
		for _, path := range programs {
			if !isBinary(path) {
				continue // a script, for a service of the system
			}
			program, err := filepath.Rel(server, path)
			if err != nil {
				return err
			}
			script := fmt.Sprintf("#!/bin/sh\nat=${0%%/bin/*}\nexec \"$at/%s\" --library-path \"$at/%s\" \"$at/%s\" \"$@\"\n",
				loader, filepath.Dir(loader), program)
			if err := os.WriteFile(filepath.Join(server, "bin", filepath.Base(path)), []byte(script), 0o755); err != nil {
				return err
			}
		}
	}
	return nil
}

// isBinary reports whether the file is an ELF program.
func isBinary(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	magic := make([]byte, 4)
	_, err = io.ReadFull(f, magic)
	return err == nil && string(magic) == "\x7fELF"
}

func tool(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.SysProcAttr = attributes(syscall.SIGKILL, nil)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C")
	if out, err := cmd.CombinedOutput(); err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return fmt.Errorf("running %s: %w: %s", name, err, strings.Join(lines[max(0, len(lines)-5):], " | "))
	}
	return nil
}
