package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// StartStandby starts a hot standby that streams from the primary, which must
// run: of the same version and with the same data, taken while the primary
// works. It has a physical slot there, so that it may be stopped for a while. It
// returns when the standby answers, which is not when it has caught up: ask
// pg_last_wal_replay_lsn(). SELECT pg_promote() makes it a primary. Of o, Version
// is ignored.
func StartStandby(ctx context.Context, primary *Postgres, o PostgresOptions) (*Postgres, error) {
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	slot := "standby_" + strconv.Itoa(port) // of all the standbys of a primary, no two have one port
	settings := map[string]string{
		"primary_conninfo":     primary.DSN("postgres") + "&application_name=" + slot,
		"primary_slot_name":    slot,
		"hot_standby":          "on",
		"hot_standby_feedback": "on", // else logical slots of the standby would not last
	}
	for k, v := range o.Settings {
		settings[k] = v
	}
	o.Settings = settings
	return startPostgres(ctx, primary.bin, o, func(ctx context.Context, _, data string, _ *account) error {
		if err := primary.backup(ctx, data, slot); err != nil {
			return fmt.Errorf("copying the primary: %w", err)
		}
		return nil
	})
}

// backup copies the running server's data to the directory, which then is that
// of a standby (PostgreSQL docs, 26.3.3, "Making a Non-Exclusive Low-Level
// Backup"). The server has all its files on this machine, so no program is needed
// that a fetched version lacks.
func (s *Postgres) backup(ctx context.Context, to, slot string) (err error) {
	db, err := pgx.Connect(ctx, s.DSN("postgres"))
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	var version int
	if err := db.QueryRow(ctx, "SELECT current_setting('server_version_num')::int").Scan(&version); err != nil {
		return err
	}
	if _, err := db.Exec(ctx, "SELECT pg_create_physical_replication_slot($1, true)", slot); err != nil {
		return err
	}
	start, stop := "SELECT pg_backup_start($1, true)", "SELECT labelfile, spcmapfile FROM pg_backup_stop(false)"
	if version < 150000 {
		start, stop = "SELECT pg_start_backup($1, true, false)", "SELECT labelfile, spcmapfile FROM pg_stop_backup(false, false)"
	}
	if _, err := db.Exec(ctx, start, slot); err != nil {
		return err
	}
	if err := copyLive(s.data(), to); err != nil {
		return err
	}
	var label, spaces string
	if err := db.QueryRow(ctx, stop).Scan(&label, &spaces); err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(to, "backup_label"), []byte(label), 0o600),
		os.WriteFile(filepath.Join(to, "standby.signal"), nil, 0o600))
}

// notCopied are the files and the directories' contents that belong to the
// running server alone (PostgreSQL docs, 26.3.4).
var notCopied = map[string]bool{
	"postmaster.pid": true, "postmaster.opts": true, "pg_replslot": true, "pg_dynshmem": true, "pg_notify": true,
	"pg_serial": true, "pg_snapshots": true, "pg_stat_tmp": true, "pg_subtrans": true,
}

// copyLive copies a directory whose files come and go meanwhile.
func copyLive(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if top := strings.Split(name, string(filepath.Separator))[0]; notCopied[top] && (name != top || !d.IsDir()) {
			return nil
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, name), 0o700)
		}
		content, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), content, 0o600)
	})
}
