package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"sluice/schemas"
)

// server is what a session tells about its server.
type server struct {
	maria   bool
	version string
	number  int // 80036, 101106
	// name tells servers apart: MySQL's UUID, or what MariaDB has instead.
	name string
	id   uint32
	// named: transactions have GTIDs.
	named     bool
	variables map[string]string
	secure    bool // the session is encrypted
	// account is whose rights the session has, as a GRANT names it.
	account string
}

// readServer asks the server.
func readServer(ctx context.Context, db *sql.DB) (server, error) {
	var s server
	rows, err := query(ctx, db, `SHOW GLOBAL VARIABLES WHERE Variable_name IN (
		'version', 'server_uuid', 'server_uid', 'server_id', 'hostname', 'port', 'datadir', 'gtid_mode', 'log_bin', 'binlog_format',
		'binlog_row_image', 'binlog_row_metadata', 'binlog_row_value_options', 'binlog_expire_logs_seconds', 'binlog_expire_logs_auto_purge', 'expire_logs_days',
		'lower_case_table_names', 'log_slave_updates', 'log_replica_updates', 'binlog_transaction_compression', 'log_bin_compress',
		'gtid_strict_mode', 'net_write_timeout')`)
	if err != nil {
		return s, fmt.Errorf("reading the server's variables: %w", err)
	}
	s.variables = map[string]string{}
	for _, r := range rows {
		s.variables[strings.ToLower(r.text(0))] = r.text(1)
	}
	s.version = s.variables["version"]
	s.maria = strings.Contains(strings.ToLower(s.version), "mariadb")
	s.number = versionNumber(s.version)
	id, err := strconv.ParseUint(s.variables["server_id"], 10, 32)
	if err != nil {
		return s, fmt.Errorf("server_id %q of the server: %w", s.variables["server_id"], err)
	}
	s.id = uint32(id)
	if s.name = s.variables["server_uuid"]; s.maria {
		if s.name = s.variables["server_uid"]; s.name == "" {
			s.name = s.variables["hostname"] + ":" + s.variables["port"] + s.variables["datadir"]
		}
	}
	s.named = s.maria || s.variables["gtid_mode"] == "ON"
	if rows, err = query(ctx, db, "SELECT CURRENT_USER()"); err != nil {
		return s, fmt.Errorf("asking who the user is: %w", err)
	}
	user := rows[0].text(0)
	at := strings.LastIndexByte(user, '@')
	s.account = literal(user[:max(at, 0)]) + "@" + literal(user[at+1:])
	ssl, err := query(ctx, db, "SHOW SESSION STATUS LIKE 'Ssl_cipher'")
	if err != nil {
		return s, fmt.Errorf("asking whether the session is encrypted: %w", err)
	}
	s.secure = len(ssl) == 1 && ssl[0].text(1) != ""
	return s, nil
}

// versionNumber makes 80036 of "8.0.36-debug" and 101106 of "10.11.6-MariaDB".
func versionNumber(text string) int {
	n := 0
	for i, part := range strings.SplitN(text, ".", 4) {
		if i == 3 {
			break
		}
		end := 0
		for end < len(part) && part[end] >= '0' && part[end] <= '9' {
			end++
		}
		v, err := strconv.Atoi(part[:end])
		if err != nil {
			v = 0
		}
		n = n*100 + v
	}
	return n
}

// on reports whether a variable says so.
func (s *server) on(variable string) bool {
	v := strings.ToUpper(s.variables[variable])
	return v == "ON" || v == "1"
}

// check refuses a server whose log cannot be read exactly.
func (s *server) check() error {
	var errs []error
	refusals := s.refusals()
	for _, variable := range slices.Sorted(maps.Keys(refusals)) {
		errs = append(errs, refusals[variable])
	}
	return errors.Join(errs...)
}

// refusals are the server's settings that keep its log from being read exactly,
// by the variable's name.
func (s *server) refusals() map[string]*schemas.Fault {
	out := map[string]*schemas.Fault{}
	refuse := func(variable, what, cure string) {
		out[variable] = &schemas.Fault{Where: "dsn", What: what, Cure: cure}
	}
	least, name := 80001, "MySQL"
	if s.maria {
		least, name = 100600, "MariaDB"
	}
	if s.number < least {
		refuse("version", fmt.Sprintf("%s %s is too old", name, s.version), "upgrade to MySQL 8.0 or MariaDB 10.6 at least")
		return out
	}
	if !s.on("log_bin") {
		refuse("log_bin", "the server writes no binary log", "set log_bin=binlog in its configuration and restart it")
	}
	if v := s.variables["binlog_format"]; !strings.EqualFold(v, "ROW") {
		refuse("binlog_format", "binlog_format is "+v+": the log holds statements, not rows",
			"as an administrator: SET GLOBAL binlog_format = 'ROW'; set it in the configuration, too, and let clients connect anew")
	}
	if v := s.variables["binlog_row_metadata"]; !strings.EqualFold(v, "FULL") {
		refuse("binlog_row_metadata", "binlog_row_metadata is "+v+": the log does not name the columns",
			"as an administrator: SET GLOBAL binlog_row_metadata = 'FULL'; and set it in the configuration, too")
	}
	if v := s.variables["binlog_row_image"]; !strings.EqualFold(v, "FULL") && !strings.EqualFold(v, "NOBLOB") {
		refuse("binlog_row_image", "binlog_row_image is "+v+": the log does not hold whole rows",
			"as an administrator: SET GLOBAL binlog_row_image = 'FULL'; (or NOBLOB), set it in the configuration, too, and let clients connect anew")
	}
	if v := s.variables["binlog_row_value_options"]; v != "" {
		refuse("binlog_row_value_options", "binlog_row_value_options is "+v+": the log holds parts of JSON documents",
			"as an administrator: SET GLOBAL binlog_row_value_options = ''; set it in the configuration, too, and let clients connect anew")
	}
	return out
}

// end is where the log ends now.
func (s *server) end(ctx context.Context, db querier) (place, error) {
	rows, err := query(ctx, db, s.statusQuery())
	if err != nil {
		return place{}, s.privilegeFault(err)
	}
	if len(rows) == 0 {
		return place{}, &schemas.Fault{Where: "dsn", What: "the server writes no binary log", Cure: "set log_bin=binlog in its configuration and restart it"}
	}
	return place{rows[0].text(0), uint64(rows[0].int(1))}, nil
}

func (s *server) statusQuery() string {
	if !s.maria && s.number >= 80200 {
		return "SHOW BINARY LOG STATUS"
	}
	return "SHOW MASTER STATUS"
}

// executed are the transactions that are done: on MySQL each is visible, on
// MariaDB it is in the log.
func (s *server) executed(ctx context.Context, db *sql.DB) (gtids, error) {
	name := "gtid_executed"
	if s.maria {
		name = "gtid_binlog_pos"
	}
	return s.set(ctx, db, name)
}

// purged are the transactions that the log no longer has: on MariaDB, those before
// its oldest file.
func (s *server) purged(ctx context.Context, db *sql.DB) (gtids, error) {
	if !s.maria {
		return s.set(ctx, db, "gtid_purged")
	}
	files, err := s.files(ctx, db)
	if err != nil {
		return nil, err
	}
	rows, err := query(ctx, db, fmt.Sprintf("SELECT BINLOG_GTID_POS(%s, %d)", literal(files[0].name), firstEvent))
	if err != nil || len(rows) != 1 {
		return nil, fmt.Errorf("asking where file %s begins: %w", files[0].name, err)
	}
	return parseGTIDs(rows[0].text(0), true)
}

func (s *server) set(ctx context.Context, db *sql.DB, variable string) (gtids, error) {
	rows, err := query(ctx, db, "SELECT @@GLOBAL."+variable)
	if err != nil || len(rows) != 1 {
		return nil, fmt.Errorf("reading %s: %w", variable, err)
	}
	return parseGTIDs(rows[0].text(0), s.maria)
}

// privilegeFault says which right is missing.
func (s *server) privilegeFault(err error) error {
	if code := errorCode(err); code != 1227 && code != 1142 {
		return err
	}
	right := "REPLICATION CLIENT"
	if s.maria {
		right = "BINLOG MONITOR"
	}
	return &schemas.Fault{
		Where: "dsn", What: "the user may not ask where the log ends", Err: err,
		Cure: "as an administrator: GRANT " + right + " ON *.* TO " + s.account + ";",
	}
}
