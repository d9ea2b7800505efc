package local

import (
	"path/filepath"
	"slices"
	"strconv"
)

// settings are the server's, by name. The server's id is its port: of all that
// run at one time, no two have the same.
func (s *MySQL) settings() map[string]string {
	out := map[string]string{
		"bind_address": "127.0.0.1",
		"port":         strconv.Itoa(s.port),
		"datadir":      s.data(),
		// Of its own: MariaDB removes, when it starts, what it takes for its own
		// leftovers, and that is also what others are writing there.
		"tmpdir":                  s.scratch(),
		"socket":                  socketName,
		"pid_file":                filepath.Join(s.data(), "server.pid"),
		"skip_name_resolve":       "ON",
		"secure_file_priv":        "",
		"character_set_server":    "utf8mb4",
		"default_time_zone":       "+00:00",
		"server_id":               strconv.Itoa(s.port),
		"log_bin":                 "binlog",
		"binlog_format":           "ROW",
		"binlog_row_image":        "FULL",
		"binlog_row_metadata":     "FULL",
		"innodb_buffer_pool_size": "64M",
		"table_open_cache":        "400",
	}
	if s.flavour == FlavourMariaDB {
		out["gtid_strict_mode"] = "ON"
		out["log_slave_updates"] = "ON"
		out["innodb_log_file_size"] = "64M"
	} else {
		out["gtid_mode"] = "ON"
		out["enforce_gtid_consistency"] = "ON"
		out["log_replica_updates"] = "ON"
		out["innodb_redo_log_capacity"] = "64M"
		out["mysqlx"] = "OFF"
	}
	if s.durable {
		out["innodb_flush_log_at_trx_commit"] = "1"
		out["sync_binlog"] = "1"
	} else {
		// What is committed is with the system, not on the disk. The doublewrite
		// buffer stays: SIGKILL may tear a page that is just being written.
		out["innodb_flush_log_at_trx_commit"] = "2"
		out["sync_binlog"] = "0"
		out["innodb_flush_method"] = "nosync"
	}
	for k, v := range s.extra {
		out[k] = v
	}
	return out
}

// arguments are the settings as the server's command line, which needs no
// quoting. No file of the system has a say.
func (s *MySQL) arguments() []string {
	var out []string
	for k, v := range s.settings() {
		out = append(out, "--"+k+"="+v)
	}
	slices.Sort(out)
	return append([]string{"--no-defaults"}, out...)
}
