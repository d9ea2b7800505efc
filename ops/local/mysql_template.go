package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// mysqlFixed are the settings that a server keeps from its first start.
var mysqlFixed = []string{"lower_case_table_names", "innodb_page_size", "innodb_data_file_path"}

// mysqlAccounts lets root in over TCP: MySQL's own root may come by the socket
// only, as the servers look no names up.
const mysqlAccounts = `CREATE USER root@'127.0.0.1' IDENTIFIED BY '';
GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;
`

// fill makes data those of an empty server. Nothing of it is in a binary log, and
// all servers of a version start alike, so that a replica can begin with an empty
// server too.
func (f Flavour) fill(ctx context.Context, p mysqlPrograms, data string, settings map[string]string, as *account) error {
	key := p.version
	args := []string{"--no-defaults"}
	for _, name := range mysqlFixed {
		if v, ok := settings[name]; ok {
			key += " " + name + " " + v
			args = append(args, "--"+strings.ReplaceAll(name, "_", "-")+"="+v)
		}
	}
	kept, err := template(ctx, string(f), key, as, func(ctx context.Context, made string) error {
		if f == FlavourMariaDB {
			return p.installMariaDB(ctx, made, args, as)
		}
		return p.initializeMySQL(ctx, made, args, as)
	})
	if err != nil {
		return err
	}
	if err := copyTree(ctx, kept, data); err != nil {
		return err
	}
	// The server's UUID is made at its first start, for each its own.
	if err := os.Remove(filepath.Join(data, "auto.cnf")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("forgetting the identity of the template: %w", err)
	}
	return nil
}

func (p mysqlPrograms) initializeMySQL(ctx context.Context, data string, args []string, as *account) error {
	accounts := filepath.Join(filepath.Dir(data), "accounts.sql")
	if err := os.WriteFile(accounts, []byte(mysqlAccounts), 0o644); err != nil {
		return fmt.Errorf("writing the accounts of mysql: %w", err)
	}
	return runFill(ctx, as, p.server, append(args, "--datadir="+data, "--initialize-insecure", "--init-file="+accounts,
		"--secure-file-priv=", "--innodb-flush-method=nosync", "--innodb-flush-log-at-trx-commit=0")...)
}

func (p mysqlPrograms) installMariaDB(ctx context.Context, data string, args []string, as *account) error {
	script, err := p.installer()
	if err != nil {
		return err
	}
	return runFill(ctx, as, script, append(args, "--datadir="+data, "--auth-root-authentication-method=normal",
		"--skip-test-db", "--skip-name-resolve", "--innodb-flush-method=nosync", "--innodb-log-file-size=16M")...)
}

func runFill(ctx context.Context, as *account, path string, args ...string) error {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = attributes(syscall.SIGKILL, as)
	if out, err := cmd.CombinedOutput(); err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return fmt.Errorf("running %s: %w: %s", filepath.Base(path), err, strings.Join(lines[max(0, len(lines)-8):], " | "))
	}
	return nil
}
