package mysql

import (
	"fmt"
	"strings"
	"testing"

	driver "github.com/go-sql-driver/mysql"
	"github.com/prometheus/client_golang/prometheus"

	"sluice/capture"
	"sluice/capture/capturetest"
	"sluice/ops/local"
	"sluice/ops/local/localtest"
	"sluice/schemas"
)

// diagnose looks for a finding of a check that says the text; it fails if there
// is none of that level.
func diagnose(t *testing.T, s *Source, saved schemas.Position, admin string, level capture.Level, check, says, cure string) {
	t.Helper()
	found, err := s.Diagnose(t.Context(), saved, admin)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		if f.Level != capture.Fine && f.Cure == "" {
			t.Errorf("%s of %s has no cure: %s", f.Check, f.Object, f.Says)
		}
		if f.Check == check && f.Level == level && strings.Contains(f.Object+" "+f.Says, says) && strings.Contains(f.Cure, cure) {
			return
		}
	}
	var all strings.Builder
	for _, f := range found {
		fmt.Fprintf(&all, "\n%+v", f)
	}
	t.Errorf("no %s of %s says %q with the cure %q; found:%s", level, check, says, cure, all.String())
}

// asUser makes a user without any right, and returns the dsn to come as it.
func (b *bed) asUser(t *testing.T, name string) string {
	t.Helper()
	b.set(t, fmt.Sprintf("CREATE USER %s@'127.0.0.1' IDENTIFIED BY 'x'", name))
	t.Cleanup(func() { b.set(t, fmt.Sprintf("DROP USER %s@'127.0.0.1'", name)) })
	cfg, err := driver.ParseDSN(b.dsn)
	if err != nil {
		t.Fatal(err)
	}
	cfg.User, cfg.Passwd, cfg.DBName = name, "x", ""
	return cfg.FormatDSN()
}

func TestDoctorOfAHealthyCapture(t *testing.T) {
	both(t, func(t *testing.T, of func(testing.TB) *local.MySQL) {
		b := newBed(t, of(t))
		b.exec(t, "CREATE TABLE items (id int PRIMARY KEY)")
		r := capturetest.Open(t, b.source(t, b.config("items")), "")
		b.exec(t, "INSERT INTO items VALUES (1)")
		r.Until("c items => {id: 1}")
		found, err := b.source(t, b.config("items")).Diagnose(t.Context(), r.Last(), "")
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, f := range found {
			seen[f.Check] = true
			// The user of the tests is an administrator, and their log is never purged on MariaDB.
			if f.Level != capture.Fine && f.Check != "user" && f.Check != "retention" {
				t.Errorf("%+v", f)
			}
		}
		for _, want := range []string{
			"connection", "version", "log_bin", "binlog_format", "binlog_row_metadata", "binlog_row_image", "binlog_row_value_options",
			"gtid_mode", "retention", "lag", "saved position", "user", "table", "time zones", "server_id",
		} {
			if !seen[want] {
				t.Errorf("nothing was said of %s", want)
			}
		}
	})
}

// TestDoctorAndGrants looks at a user without rights, gives it what the grants
// say, and captures as it.
func TestDoctorAndGrants(t *testing.T) {
	both(t, func(t *testing.T, of func(testing.TB) *local.MySQL) {
		b := newBed(t, of(t))
		b.exec(t, "CREATE TABLE items (id int PRIMARY KEY); CREATE TABLE bare (id int); CREATE TABLE old (id int PRIMARY KEY) ENGINE=MyISAM; INSERT INTO items VALUES (1)")
		name := localtest.Prefix(t)[:20]
		dsn := b.asUser(t, name)
		c := b.config("*")
		c.DSN = dsn
		s := b.source(t, c)
		account := fmt.Sprintf("TO '%s'@'127.0.0.1'", name)
		want := func(level capture.Level, check, says, cure string) {
			t.Helper()
			diagnose(t, s, "", b.dsn, level, check, says, cure)
		}
		want(capture.Problem, "user", "may not ask where the log ends", account)
		want(capture.Problem, "user", "may not replicate", "GRANT REPLICATION SLAVE ON *.* "+account)
		want(capture.Problem, "table", b.name+".items is named, and the user may not see it", "GRANT SELECT ON `"+b.name+"`.`items` "+account)
		want(capture.Problem, "tables", "none of "+b.name+".*", "sluice grants crm")
		sql, err := s.Grants(t.Context(), b.dsn)
		if err != nil {
			t.Fatal(err)
		}
		sql = strings.ReplaceAll(sql, "'"+name+"'@'%'", "'"+name+"'@'127.0.0.1'")
		for statement := range strings.SplitSeq(sql, "\n") {
			if strings.HasPrefix(statement, "GRANT") {
				b.set(t, statement)
			}
		}
		want(capture.Fine, "user", "may replicate", "")
		want(capture.Warning, "table", b.name+".bare has no key", "PRIMARY KEY")
		want(capture.Warning, "table", b.name+".old its engine is MyISAM", "ENGINE=InnoDB")
		r := capturetest.Open(t, b.source(t, Config{DSN: dsn, Tables: []string{b.name + ".items"}, HeartbeatTopic: new(bool)}), "")
		r.Until("r items => {id: 1}")
		b.exec(t, "INSERT INTO items VALUES (2)")
		r.Until("c items => {id: 2}")
		r.Close()
		b.set(t, "REVOKE REPLICATION SLAVE ON *.* FROM '"+name+"'@'127.0.0.1'")
		want(capture.Problem, "user", "may not replicate", "GRANT REPLICATION SLAVE ON *.* "+account)
		c.Tables = []string{b.name + ".nosuch"}
		s = b.source(t, c)
		want(capture.Problem, "tables", "there is no table "+b.name+".nosuch", "correct the name")
		c.DSN = strings.Replace(dsn, name+":x@", name+":y@", 1)
		s = b.source(t, c)
		want(capture.Problem, "connection", "is refused", "sluice grants")
	})
}

// TestGrantsWithoutAServer are those for either.
func TestGrantsWithoutAServer(t *testing.T) {
	s, err := (Config{DSN: "o'neil:x@tcp(h:1)/", Tables: []string{"my_shop.*", "crm.contacts", "t_*.log"}}).New("crm", nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Grants(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"CREATE USER IF NOT EXISTS 'o''neil'@'%';", "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO 'o''neil'@'%';",
		"GRANT SELECT ON `my\\_shop`.* TO 'o''neil'@'%';", "GRANT SELECT ON `crm`.`contacts` TO", "-- t_*.log is a pattern",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in:\n%s", want, got)
		}
	}
}

// TestDoctorOfTheSettings looks at a server of which nothing is as it should be.
func TestDoctorOfTheSettings(t *testing.T) {
	both(t, func(t *testing.T, of func(testing.TB) *local.MySQL) {
		settings := map[string]string{
			"binlog_format": "MIXED", "binlog_row_image": "MINIMAL", "binlog_row_metadata": "MINIMAL", "binlog_expire_logs_seconds": "3600",
			"binlog_ignore_db": "crm",
		}
		if of(t).Flavour() == local.FlavourMySQL {
			settings["gtid_mode"], settings["enforce_gtid_consistency"], settings["binlog_row_value_options"] = "OFF", "OFF", "PARTIAL_JSON"
		}
		b := onOwn(t, own(t, of, settings))
		s := b.source(t, b.config("items"))
		want := func(level capture.Level, check, says, cure string) {
			t.Helper()
			diagnose(t, s, "", "", level, check, says, cure)
		}
		want(capture.Problem, "binlog_format", "is MIXED", "SET GLOBAL binlog_format = 'ROW'")
		want(capture.Problem, "binlog_row_image", "is MINIMAL", "SET GLOBAL binlog_row_image = 'FULL'")
		want(capture.Problem, "binlog_row_metadata", "is MINIMAL", "SET GLOBAL binlog_row_metadata = 'FULL'")
		want(capture.Warning, "retention", "is kept for 1h0m0s", "SET GLOBAL binlog_expire_logs_seconds")
		want(capture.Problem, "left out of the log", "database crm", "restart")
		if !b.maria {
			want(capture.Warning, "gtid_mode", "is OFF", "SET GLOBAL gtid_mode")
			want(capture.Problem, "binlog_row_value_options", "PARTIAL_JSON", "SET GLOBAL binlog_row_value_options = ''")
		}
		b.set(t, "SET GLOBAL binlog_row_image = 'NOBLOB'")
		want(capture.Warning, "binlog_row_image", "texts and blobs that did not change", "'FULL'")
	})
}

// TestRefusedFilters opens on a server that leaves the database out of its log.
func TestRefusedFilters(t *testing.T) {
	both(t, func(t *testing.T, of func(testing.TB) *local.MySQL) {
		b := onOwn(t, own(t, of, map[string]string{"binlog_do_db": "other"}))
		b.refused(t, b.config("items"), "", "leaves database crm out of its log", "restart it")
		if err := b.source(t, b.config("items")).Check(t.Context()); err == nil || !strings.Contains(err.Error(), "leaves database crm") {
			t.Errorf("the check says %v", err)
		}
	})
}

// gauges are the values of the source's metrics of the log, by name.
func gauges(t *testing.T, s *Source) map[string]float64 {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	if err := reg.Register(s); err != nil {
		t.Fatal(err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if name, ok := strings.CutPrefix(f.GetName(), "sluice_mysql_binlog_"); ok {
				out[name] = m.GetGauge().GetValue()
			}
		}
	}
	return out
}

// look has the watch look at the server now.
func look(t *testing.T, s *Source) map[string]float64 {
	t.Helper()
	if err := s.watch.look(t.Context()); err != nil {
		t.Fatal(err)
	}
	return gauges(t, s)
}

// TestMetricsOfTheLog acknowledges in steps, and looks at what is left.
func TestMetricsOfTheLog(t *testing.T) {
	both(t, func(t *testing.T, of func(testing.TB) *local.MySQL) {
		b := onOwn(t, own(t, of, map[string]string{"binlog_expire_logs_seconds": "86400"}))
		s := b.source(t, b.config("items"))
		r := capturetest.Open(t, s, "")
		r.Settle(b.harness())
		b.exec(t, "INSERT INTO crm.items VALUES (2, 'b')")
		r.Until(`c items => {id: 2, name: "b"}`)
		r.Ack(r.Last())
		if got := look(t, s); got["lag_bytes"] > 1000 || got["lag_seconds"] != 0 && got["lag_bytes"] == 0 || got["kept_bytes"] < 1000 {
			t.Errorf("all is acknowledged, and the metrics are %v", got)
		}
		if left, ok := look(t, s)["retention_left_seconds"]; ok {
			t.Errorf("the newest file may be purged in %v", left)
		}
		b.exec(t, "INSERT INTO crm.items VALUES (3, REPEAT('x', 10000))")
		b.set(t, "FLUSH BINARY LOGS")
		b.exec(t, "INSERT INTO crm.items VALUES (4, REPEAT('x', 10000))")
		look(t, s)
		got := look(t, s)
		if got["lag_bytes"] < 20_000 || got["lag_bytes"] > 30_000 || got["lag_seconds"] <= 0 {
			t.Errorf("20,000 bytes are not acknowledged, and the metrics are %v", got)
		}
		if left := got["retention_left_seconds"]; left < 80_000 || left > 86_400 {
			t.Errorf("the file, begun just now, may be purged in %v s", left)
		}
		saved := r.Last()
		diagnose(t, b.source(t, b.config("items")), saved, "", capture.Fine, "lag", "may be purged in", "")
		r.Read(2)
		r.Ack(r.Last())
		got = look(t, s)
		if _, ok := got["retention_left_seconds"]; ok || got["lag_bytes"] > 1000 {
			t.Errorf("all is acknowledged, and the metrics are %v", got)
		}
		r.Close()
		if got := gauges(t, s); len(got) != 0 {
			t.Errorf("closed, the source still speaks of %v", got)
		}
		diagnose(t, b.source(t, b.config("items")), saved, "", capture.Fine, "saved position", "has all that follows", "")
		b.purge(t)
		diagnose(t, b.source(t, b.config("items")), saved, "", capture.Problem, "saved position", "purge", "--resnapshot")
	})
}
