package local

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"sluice/schemas"
)

// Flavour is which of the two servers that speak MySQL's protocol it is.
type Flavour string

// The flavours. They differ in their GTIDs, in some statements and in the JSON
// and temporal types.
const (
	FlavourMySQL   Flavour = "mysql"
	FlavourMariaDB Flavour = "mariadb"
)

// Product is its name as people write it.
func (f Flavour) Product() string {
	if f == FlavourMariaDB {
		return "MariaDB"
	}
	return "MySQL"
}

// FindFlavour returns MySQL where that is there, else MariaDB.
func FindFlavour() (Flavour, error) {
	if _, err := FlavourMySQL.find(); err == nil {
		return FlavourMySQL, nil
	}
	if _, err := FlavourMariaDB.find(); err == nil {
		return FlavourMariaDB, nil
	}
	return "", &schemas.Fault{
		Where: "mysql", What: "neither MySQL nor MariaDB was found in the PATH or where systems keep it", Err: ErrMissing,
		Cure: "install one of them: apt-get install mariadb-server-core mariadb-client-core (Debian), dnf install mariadb-server, brew install mysql",
	}
}

// Part is what Ensure installs for the flavour.
func (f Flavour) Part() Part {
	if f == FlavourMariaDB {
		return PartMariaDB
	}
	return PartMySQL
}

// mysqlPrograms are those of one installed server.
type mysqlPrograms struct {
	server  string // path of mysqld or mariadbd
	bin     string // directory of the client programs
	release string // "9.7.4", "10.11.19"
	version string // all that the server says of its version
}

// mysqlPlaces are where systems keep the server, out of the PATH of a user.
var mysqlPlaces = map[Flavour][]string{
	FlavourMySQL: {
		"/usr/sbin/mysqld", "/usr/libexec/mysqld", "/usr/local/mysql/bin/mysqld",
		"/opt/homebrew/opt/mysql/bin/mysqld", "/opt/homebrew/opt/mysql@*/bin/mysqld",
	},
	FlavourMariaDB: {"/usr/sbin/mariadbd", "/usr/libexec/mariadbd", "/opt/homebrew/opt/mariadb/bin/mariadbd"},
}

// find returns the programs of the flavour: those of the PATH, of the system, or,
// of MySQL, what FetchMySQL fetched.
func (f Flavour) find() (mysqlPrograms, error) {
	name, clients, cure := "mysqld", "mysql", "go run ./ops/local/install mysql (Debian), dnf install mysql-server, brew install mysql"
	if f == FlavourMariaDB {
		name, clients, cure = "mariadbd", "mariadb", "apt-get install mariadb-server-core mariadb-client-core (Debian), dnf install mariadb-server, brew install mariadb"
	}
	var paths []string
	if path, err := exec.LookPath(name); err == nil {
		paths = append(paths, path)
	}
	for _, pattern := range mysqlPlaces[f] {
		found, _ := filepath.Glob(pattern)
		paths = append(paths, found...)
	}
	if f == FlavourMySQL {
		for _, dir := range fetchedMySQL() {
			paths = append(paths, filepath.Join(dir, "bin", name))
		}
	}
	for _, path := range paths {
		if p, ok := f.look(path); ok {
			p.bin = clientsOf(path, clients)
			return p, nil
		}
	}
	return mysqlPrograms{}, &schemas.Fault{
		Where: string(f), What: "no server found in the PATH or where systems keep it", Err: ErrMissing,
		Cure: "install it: " + cure,
	}
}

var mysqlVersion = regexp.MustCompile(`Ver ((\d+)\.\d+\.\d+)`)

// look asks the program what it is: MariaDB, too, comes with a mysqld.
func (f Flavour) look(path string) (mysqlPrograms, bool) {
	if _, err := os.Stat(path); err != nil {
		return mysqlPrograms{}, false
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "--no-defaults", "--version").Output()
	if err != nil {
		return mysqlPrograms{}, false
	}
	m := mysqlVersion.FindStringSubmatch(string(out))
	if m == nil || strings.Contains(string(out), "MariaDB") != (f == FlavourMariaDB) {
		return mysqlPrograms{}, false
	}
	if major, _ := strconv.Atoi(m[2]); major < 8 {
		return mysqlPrograms{}, false
	}
	_, version, _ := strings.Cut(string(out), "Ver ")
	return mysqlPrograms{server: path, release: m[1], version: version}, true
}

// clientsOf is the directory of the client programs that belong to the server,
// else the server's own.
func clientsOf(server, client string) string {
	own := filepath.Dir(server)
	for _, dir := range []string{own, filepath.Join(filepath.Dir(own), "bin")} {
		if _, err := os.Stat(filepath.Join(dir, client)); err == nil {
			return dir
		}
	}
	if path, err := exec.LookPath(client); err == nil {
		return filepath.Dir(path)
	}
	return own
}

// installer is the path of the script that makes MariaDB's system tables.
func (p mysqlPrograms) installer() (string, error) {
	for _, dir := range []string{p.bin, filepath.Dir(p.server), filepath.Join(filepath.Dir(p.server), "..", "scripts")} {
		path := filepath.Join(dir, "mariadb-install-db")
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	path, err := exec.LookPath("mariadb-install-db")
	if err != nil {
		return "", fmt.Errorf("looking for the installer of %s: %w", p.server, err)
	}
	return path, nil
}
