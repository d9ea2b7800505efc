package cli

import (
	"time"

	"sluice/ops/demo"
)

type demoCmd struct {
	For       time.Duration `default:"60s" help:"How long the ERP is changed; 0: until Ctrl-C."`
	Customers int           `default:"3000" help:"How many customers the ERP starts with."`
	Rate      int           `default:"120" help:"How many transactions a second change it."`
	Seed      uint64        `default:"1" help:"Fixes all that is random."`
	Keep      bool          `help:"Keep the directory with the configuration and the logs."`
	Output    string        `short:"o" default:"table" enum:"table,json" help:"How to print the result: table or json."`
}

// Help teaches the verb.
func (demoCmd) Help() string {
	return `A private PostgreSQL plays the ERP, a small HTTP server with faults on purpose the CRM, and "sluice run" works between them on the embedded broker. When the time is up the load stops, everything left is delivered, and every row is compared.

Example:

	sluice demo --for 30s

Exit codes: 0 nothing lost and nothing doubled; 1 otherwise.`
}

// Run runs the verb.
func (c *demoCmd) Run(s *session) error {
	return demo.Run(s.ctx, demo.Options{
		For: c.For, JSON: c.Output == "json", Seed: c.Seed, Customers: c.Customers, Rate: c.Rate, Keep: c.Keep,
		Stdout: s.stdout, Stderr: s.stderr,
	})
}
