package cli

import (
	"fmt"

	"sluice/ops/run"
)

type grantsCmd struct {
	Name string `arg:"" name:"name" predictor:"capture" help:"The capture."`
	As   string `env:"SLUICE_ADMIN_DSN" placeholder:"DSN" help:"Connect as an administrator to list the tables that patterns match, and those without a replica identity."`
}

// Help teaches the verb.
func (grantsCmd) Help() string {
	return `Examples:

	sluice grants erp
	sluice grants erp --as postgres://dba@db.example.com/erp | psql postgres://dba@db.example.com/erp
	sluice grants crm --as 'dba:secret@tcp(db.example.com:3306)/' | mysql

Prints the least SQL that lets the role of the capture's dsn read the configured tables and nothing else. Without --as nothing is connected to, and what only the database knows stands there as a comment. No password is printed.

Exit codes: 0 printed; 1 the database could not be asked; 2 wrong usage or configuration.`
}

// Run runs the verb.
func (c *grantsCmd) Run(s *session) error {
	f, err := s.load("captures." + c.Name)
	if err != nil {
		return err
	}
	if _, err := run.CaptureNames(f, []string{c.Name}); err != nil {
		return err
	}
	text, err := run.Grants(s.ctx, f, c.Name, c.As, s.quiet())
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(s.stdout, text)
	return err
}
