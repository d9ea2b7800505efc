package local

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"sluice/schemas"
)

// Part is a server, or a tool, that Ensure can install.
type Part string

// The parts that this package starts from programs of the machine.
const (
	PartPostgres Part = "postgres"
	PartRedis    Part = "redis"
	PartKafka    Part = "kafka"
	PartMySQL    Part = "mysql"
	PartMariaDB  Part = "mariadb"
	// PartEither is MySQL or MariaDB, whichever is there; MariaDB, which is
	// sooner had, where neither is.
	PartEither Part = "mysql-or-mariadb"
)

// PartSysbench is a tool, that puts load on a MySQL or MariaDB.
const PartSysbench Part = "sysbench"

// source says of a part how to find it, or what is needed to fetch it, which
// Debian packages hold that, and how to fetch it once they are there.
type source struct {
	find     func() error
	packages []string
	fetch    func(context.Context) error // nil: the packages are the part
	fetched  func() error                // nil error: there is nothing to fetch
}

// mariadbPackages hold no service of the system, which would start.
var mariadbPackages = []string{"mariadb-server-core", "mariadb-client-core"}

var parts = map[Part]source{
	PartPostgres: {find: func() error { _, err := findPostgres(); return err }, packages: []string{"postgresql"}},
	PartRedis:    {find: func() error { _, err := findRedis(); return err }, packages: []string{"redis-server"}},
	PartKafka:    {find: func() error { _, err := Java("kafka"); return err }, packages: []string{"default-jre-headless", "maven"}},
	PartMySQL:    {find: canFetchMySQL, fetch: FetchMySQL, fetched: func() error { _, err := FlavourMySQL.find(); return err }},
	PartMariaDB:  {find: func() error { _, err := FlavourMariaDB.find(); return err }, packages: mariadbPackages},
	PartEither:   {find: func() error { _, err := FindFlavour(); return err }, packages: mariadbPackages},
	PartSysbench: {find: func() error { _, err := exec.LookPath("sysbench"); return err }, packages: []string{"sysbench"}},
}

// sourceOf knows the versions of Postgres and its extension beside the parts.
func sourceOf(part Part) (source, bool) {
	if version, ok := part.postgres(); ok {
		return source{
			find: func() error {
				if _, err := postgresBin(version); err == nil {
					return nil
				}
				_, err := Java(string(part))
				return err
			},
			packages: []string{"default-jre-headless", "maven", "xz-utils"},
			fetch:    func(ctx context.Context) error { return FetchPostgres(ctx, version) },
			fetched:  func() error { _, err := postgresBin(version); return err },
		}, true
	}
	if part == PartPostGIS {
		return postgisSource(), true
	}
	p, ok := parts[part]
	return p, ok
}

// Ensure installs the parts that are missing. On Debian and its kin, as root,
// it does so with apt-get and says each step; elsewhere it returns an error
// that says what to install.
func Ensure(ctx context.Context, say func(string), wanted ...Part) error {
	var packages, names []string
	var missing error
	fetches := map[Part]source{}
	for _, part := range wanted {
		p, ok := sourceOf(part)
		if !ok {
			return fmt.Errorf("installing %q: no such part", part)
		}
		if p.fetch != nil && p.fetched() != nil {
			fetches[part] = p
		}
		if err := p.find(); err != nil {
			packages, names, missing = append(packages, p.packages...), append(names, string(part)), join(err, missing)
		}
	}
	if len(packages) > 0 {
		if err := installPackages(ctx, say, wanted, names, packages); err != nil {
			return err
		}
	}
	for _, part := range slices.Sorted(maps.Keys(fetches)) {
		say("fetching " + string(part))
		if err := fetches[part].fetch(ctx); err != nil {
			return err
		}
		say("fetched " + string(part))
	}
	return nil
}

func installPackages(ctx context.Context, say func(string), wanted []Part, names, packages []string) error {
	_, err := exec.LookPath("apt-get")
	if err != nil || os.Geteuid() != 0 {
		return &schemas.Fault{
			Where: strings.Join(names, ", "), What: "missing on this machine", Err: ErrMissing,
			Cure: cure(ctx, packages),
		}
	}
	say("installing " + strings.Join(names, ", ") + ": apt-get install " + strings.Join(packages, " "))
	if err := apt(ctx, "update", "-q"); err != nil {
		return err
	}
	if err := apt(ctx, append([]string{"install", "-q", "-y", "--no-install-recommends"}, packages...)...); err != nil {
		return err
	}
	for _, part := range wanted {
		p, _ := sourceOf(part)
		if err := p.find(); err != nil {
			return fmt.Errorf("installing %s: installed, and still: %w", part, err)
		}
	}
	say("installed " + strings.Join(names, ", "))
	return nil
}

// cure says what to install, and, where a container engine runs, that the whole
// stack can run there instead.
func cure(ctx context.Context, packages []string) string {
	s := "install: apt-get install " + strings.Join(packages, " ") + " (as root; on another system, the packages of the same software)"
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if exec.CommandContext(ctx, "docker", "info").Run() == nil {
		s += ", or run the whole stack in containers: docker compose up --build"
	}
	return s
}

func apt(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "apt-get", args...)
	// policy-rc.d is not ours to write: the packages may start a server of
	// their own on their own port, which does no harm here.
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		return fmt.Errorf("apt-get %s: %w: %s", strings.Join(args, " "), err, strings.Join(lines[max(0, len(lines)-5):], " | "))
	}
	return nil
}
