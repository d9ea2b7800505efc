package cli

import (
	"time"

	"sluice/ops/demo"
	"sluice/ops/local"
)

type demoCmd struct {
	For       time.Duration `default:"60s" help:"How long the ERP and the CRM are changed; 0: until Ctrl-C."`
	Customers int           `default:"3000" help:"How many customers the ERP starts with; the CRM has half as many contacts."`
	Rate      int           `default:"120" help:"How many transactions a second change each of the two."`
	CRM       string        `name:"crm" default:"auto" enum:"auto,mysql,mariadb" help:"The server of the CRM's own database: mysql, mariadb, or auto, MySQL where it is there, else MariaDB."`
	Seed      uint64        `default:"1" help:"Fixes all that is random."`
	Keep      bool          `help:"Keep the directory with the configuration and the logs."`
	Output    string        `short:"o" default:"table" enum:"table,json" help:"How to print the result: table or json."`
}

// Help teaches the verb.
func (demoCmd) Help() string {
	return `A private PostgreSQL plays the ERP; a private MySQL or MariaDB and a small HTTP server with faults on purpose play the CRM's database and its API. "sluice run" works between them on the embedded broker: the ERP's records are delivered to the API, the CRM's tables to raw topics, and accounts that both databases hold are kept alike, each field as its owner has it. When the time is up the loads stop, everything left is delivered, and every row is compared.

Example:

	sluice demo --for 30s

Exit codes: 0 nothing lost, nothing doubled, and both systems agree; 1 otherwise.`
}

// Run runs the verb.
func (c *demoCmd) Run(s *session) error {
	var flavour local.Flavour // auto
	if c.CRM != "auto" {
		flavour = local.Flavour(c.CRM)
	}
	return demo.Run(s.ctx, demo.Options{
		For: c.For, JSON: c.Output == "json", Seed: c.Seed, Customers: c.Customers, Rate: c.Rate, Keep: c.Keep,
		Sales:  flavour,
		Stdout: s.stdout, Stderr: s.stderr,
	})
}
