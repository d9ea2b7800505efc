package local

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"

	"sluice/schemas"
)

// postgresEnv names the major version that is started where none is asked for.
const postgresEnv = "SLUICE_POSTGRES"

// postgresReleases are the releases that FetchPostgres knows: servers with all of
// contrib and without client programs, which lie in any directory.
var postgresReleases = map[int]string{
	13: "13.22.0", 14: "14.19.0", 15: "15.14.0", 16: "16.10.0", 17: "17.6.0", 18: "18.0.0",
}

// PostgresVersions are the major versions that can be chosen, oldest first.
func PostgresVersions() []int { return slices.Sorted(maps.Keys(postgresReleases)) }

// PartPostgresVersion is the part that is one version of Postgres.
func PartPostgresVersion(version int) Part { return Part("postgres-" + strconv.Itoa(version)) }

// PostgresPart is the part that StartPostgres needs where no version is asked
// for: the version of SLUICE_POSTGRES, or whichever is installed.
func PostgresPart() Part {
	if v := os.Getenv(postgresEnv); v != "" {
		return Part("postgres-" + v)
	}
	return PartPostgres
}

// postgres returns the version of a part that is one of Postgres.
func (p Part) postgres() (version int, ok bool) {
	text, ok := strings.CutPrefix(string(p), "postgres-")
	if !ok {
		return 0, false
	}
	version, err := strconv.Atoi(text)
	return version, err == nil && postgresReleases[version] != ""
}

// postgresBin returns the directory of the programs of a major version, 0 for
// that of the environment, else the newest.
func postgresBin(version int) (string, error) {
	if version == 0 {
		chosen := os.Getenv(postgresEnv)
		if chosen == "" {
			return findPostgres()
		}
		v, ok := Part("postgres-" + chosen).postgres()
		if !ok {
			return "", &schemas.Fault{
				Where: postgresEnv, What: fmt.Sprintf("%q is no version of PostgreSQL that can be chosen", chosen),
				Cure: fmt.Sprintf("choose one of %v", PostgresVersions()),
			}
		}
		version = v
	}
	for _, pattern := range postgresPlaces {
		dir := filepath.Dir(strings.Replace(pattern, "*", strconv.Itoa(version), 1))
		if _, err := os.Stat(filepath.Join(dir, "postgres")); err == nil {
			return dir, nil
		}
	}
	if dir, err := fetchedPostgres(version); err == nil {
		if _, err := os.Stat(filepath.Join(dir, "bin", "postgres")); err == nil {
			return filepath.Join(dir, "bin"), nil
		}
	}
	return "", &schemas.Fault{
		Where: "postgres", What: fmt.Sprintf("no server of version %d found", version), Err: ErrMissing,
		Cure: fmt.Sprintf("fetch it: go run ./ops/local/install postgres-%d", version),
	}
}

// fetchedPostgres is where FetchPostgres puts a version. The servers of root run
// as another user, who cannot reach into the home of root.
func fetchedPostgres(version int) (string, error) {
	release := postgresReleases[version]
	if release == "" {
		return "", fmt.Errorf("version %d of PostgreSQL is not one of %v", version, PostgresVersions())
	}
	if os.Geteuid() == 0 {
		return filepath.Join("/var/cache/sluice/postgres", release), nil
	}
	dir, err := cacheDir("postgres-servers")
	return filepath.Join(dir, release), err
}

// FetchPostgres fetches the version from Maven Central, unless it is installed or
// there already. Two processes may do so at the same time: the directory appears
// with one rename.
func FetchPostgres(ctx context.Context, version int) error {
	if _, err := postgresBin(version); err == nil {
		return nil
	}
	dir, err := fetchedPostgres(version)
	if err != nil {
		return err
	}
	if err := fetchPostgres(ctx, dir, postgresReleases[version]); err != nil {
		return &schemas.Fault{
			Where: "postgres", What: "fetching PostgreSQL " + postgresReleases[version] + " from Maven Central", Err: err,
			Cure: "check that mvn reaches Maven Central, and that tar and xz are installed",
		}
	}
	return nil
}

func fetchPostgres(ctx context.Context, dir, release string) error {
	arch := runtime.GOARCH
	if arch == "arm64" {
		arch = "arm64v8"
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	part, err := os.MkdirTemp(filepath.Dir(dir), "part-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(part)
	lib, server := filepath.Join(part, "lib"), filepath.Join(part, "server")
	err = fetch(ctx, part, lib, Artifact{"io.zonky.test.postgres", "embedded-postgres-binaries-" + runtime.GOOS + "-" + arch, release})
	if err != nil {
		return err
	}
	jars, err := filepath.Glob(filepath.Join(lib, "*.jar"))
	if err != nil || len(jars) != 1 {
		return errors.Join(fmt.Errorf("%d files came instead of one", len(jars)), err)
	}
	archive := filepath.Join(part, "server.txz")
	if err := unpackArchive(jars[0], archive); err != nil {
		return err
	}
	if err := os.Mkdir(server, 0o755); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "tar", "-xJf", archive, "-C", server, "--no-same-owner", "--exclude=*.a")
	cmd.SysProcAttr = attributes(syscall.SIGKILL, nil)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("unpacking the server: %w: %s", err, strings.TrimSpace(string(out)))
	}
	if err := os.Rename(server, dir); err != nil {
		if _, err2 := os.Stat(dir); err2 != nil {
			return err
		}
	}
	return nil
}

// unpackArchive writes the one .txz of the jar to the file.
func unpackArchive(jar, file string) (err error) {
	z, err := zip.OpenReader(jar)
	if err != nil {
		return err
	}
	defer func() { _ = z.Close() }() // only read
	for _, f := range z.File {
		if !strings.HasSuffix(f.Name, ".txz") {
			continue
		}
		in, err := f.Open()
		if err != nil {
			return err
		}
		defer in.Close()
		out, err := os.Create(file)
		if err != nil {
			return err
		}
		_, err = io.Copy(out, in)
		return errors.Join(err, out.Close())
	}
	return fmt.Errorf("%s holds no server", filepath.Base(jar))
}

// Release is the server's own word for its version, such as "17.6".
func (s *Postgres) Release(ctx context.Context) (string, error) {
	db, err := pgx.Connect(ctx, s.DSN("postgres"))
	if err != nil {
		return "", err
	}
	defer db.Close(context.WithoutCancel(ctx))
	var text string
	if err := db.QueryRow(ctx, "SHOW server_version").Scan(&text); err != nil {
		return "", err
	}
	release, _, _ := strings.Cut(text, " ") // a distribution adds its own
	return release, nil
}
