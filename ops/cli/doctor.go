package cli

import (
	"fmt"
	"os"
	"strings"

	"sluice/capture"
	"sluice/ops/run"
)

type doctorCmd struct {
	Names []string `arg:"" optional:"" name:"name" predictor:"capture" help:"Captures to look at; default: all."`
	As    string   `env:"SLUICE_ADMIN_DSN" placeholder:"DSN" help:"Look as an administrator, who sees how long other roles' transactions run. The connection is still tried as the capture's own role."`
	All   bool     `help:"Show in the table what is well, too."`
	format
}

// Help teaches the verb.
func (doctorCmd) Help() string {
	return `Examples:

	sluice doctor erp
	sluice doctor erp --as postgres://dba@db.example.com/erp -o json
	sluice doctor crm --as 'dba:secret@tcp(db.example.com:3306)/' --all

Looks at what the capture reads, without changing anything and whether or not the capture runs. On PostgreSQL: server, role, privileges, tables, publication, slot, what the slot costs, and what holds it back. On MySQL and MariaDB: the log's settings, how long it is kept and what of it is unread, the saved position, user, tables, and the number of the replica. Each finding has its cure.

Exit codes: 0 no problem, though there may be warnings; 1 a problem, or it could not be looked; 2 wrong usage or configuration.`
}

// finding is a line of the result in JSON.
type finding struct {
	Capture string `json:"capture"`
	capture.Finding
}

// Run runs the verb.
func (c *doctorCmd) Run(s *session) error {
	f, err := s.load(needs("captures", c.Names)...)
	if err != nil {
		return err
	}
	names, err := run.CaptureNames(f, c.Names)
	if err != nil {
		return err
	}
	problems := 0
	for _, name := range names {
		found, err := run.Diagnose(s.ctx, f, name, c.As, s.quiet())
		if err != nil {
			return err
		}
		counts := map[capture.Level]int{}
		for _, x := range found {
			counts[x.Level]++
			if c.json() {
				if err := line(s.stdout, finding{name, x}); err != nil {
					return err
				}
			}
		}
		problems += counts[capture.Problem]
		if !c.json() {
			c.print(s, name, found, counts)
		}
	}
	if problems > 0 {
		return coded{ExitError, fmt.Errorf("doctor: %d %s", problems, plural(problems, "problem", "problems"))}
	}
	return nil
}

// colours of the levels.
var levelColour = map[capture.Level]string{capture.Fine: "\x1b[32m", capture.Warning: "\x1b[33m", capture.Problem: "\x1b[31m"}

// print writes a paragraph a finding: what is wrong on one line, its cure below,
// so that the SQL can be copied whole.
func (c *doctorCmd) print(s *session, name string, found []capture.Finding, counts map[capture.Level]int) {
	colour := isTerminal(s.stdout) && os.Getenv("NO_COLOR") == ""
	width := 0
	for _, x := range found {
		width = max(width, len(subject(x)))
	}
	for _, x := range found {
		if x.Level == capture.Fine && !c.All {
			continue
		}
		level := fmt.Sprintf("%-7s", x.Level)
		if colour {
			level = levelColour[x.Level] + level + "\x1b[0m"
		}
		fmt.Fprintf(s.stdout, "%s  %-*s  %s\n", level, width, subject(x), oneLine(x.Says))
		if x.Cure != "" {
			fmt.Fprintf(s.stdout, "%9s%s\n", "", oneLine(x.Cure))
		}
	}
	fmt.Fprintf(s.stdout, "capture %s: %d well, %d %s, %d %s\n", name, counts[capture.Fine],
		counts[capture.Warning], plural(counts[capture.Warning], "warning", "warnings"),
		counts[capture.Problem], plural(counts[capture.Problem], "problem", "problems"))
}

func subject(x capture.Finding) string { return strings.TrimSpace(x.Check + " " + x.Object) }

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
