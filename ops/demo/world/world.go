package world

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"

	"sluice/ops/demo/crm"
	"sluice/ops/demo/erp"
	"sluice/ops/local"
	"sluice/stream/kafka"
)

//go:embed sluice.yaml
var configYAML string

// crmYAML is the capture of the CRM's database, which not every world has.
//
//go:embed crm.yaml
var crmYAML string

// Options says what world to build.
type Options struct {
	// Binary is the sluice to run, Dir an empty directory for everything.
	Binary, Dir string
	// Apache runs a real Apache Kafka instead of the embedded broker.
	Apache bool
	// Seed fixes all that is random. Customers is how many the ERP starts with.
	Seed      uint64
	Customers int
	Faults    crm.Faults
	// Sales is the server that holds the CRM's own database, captured beside the
	// ERP; empty: none. Contacts is how many it starts with.
	Sales    local.Flavour
	Contacts int
	// Accounts says that the ERP and the CRM's own database hold accounts, too,
	// which are kept alike.
	Accounts bool
	// Say is told, in a few words, what is being done. May be nil.
	Say func(format string, args ...any)
}

// Broker is the Kafka of a world. Kill ends it as a power cut would; Restart
// brings it back with what it had on disk, under the same address.
type Broker interface {
	Addr() string
	PID() int
	Kill() error
	Restart(ctx context.Context) error
	Stop() error
}

// World is a running world.
type World struct {
	Dir, Config string
	Postgres    *local.Postgres
	Broker      Broker
	Registry    *local.Registry
	CRM         *crm.Server
	// Sales holds the CRM's own database; nil: none.
	Sales *local.MySQL
	// Accounts are what both systems hold; nil: nothing.
	Accounts *Accounts
	// Kafka is how to reach the broker.
	Kafka kafka.Config

	binary string
	env    []string
}

const token = "demo-token"

// New builds a world and seeds its ERP. Close it even after an error.
func New(ctx context.Context, o Options) (*World, error) {
	say := o.Say
	if say == nil {
		say = func(string, ...any) {}
	}
	w := &World{Dir: o.Dir, Config: filepath.Join(o.Dir, "sluice.yaml"), binary: o.Binary}
	config := configYAML
	if o.Sales != "" {
		config = strings.Replace(config, "\ncaptures:\n", "\ncaptures:\n"+crmYAML, 1)
	}
	if o.Accounts {
		config = withAccounts(config)
	}
	if err := os.WriteFile(w.Config, []byte(config), 0o644); err != nil {
		return w, err
	}
	say("starting PostgreSQL for the ERP")
	var err error
	if w.Postgres, err = local.StartPostgres(ctx, local.PostgresOptions{}); err != nil {
		return w, err
	}
	say("creating %d customers with their orders and invoices", o.Customers)
	db, err := pgx.Connect(ctx, w.ERP())
	if err != nil {
		return w, fmt.Errorf("connecting to the ERP: %w", err)
	}
	defer func() { _ = db.Close(context.WithoutCancel(ctx)) }()
	if err := errors.Join(erp.Create(ctx, db), erp.Seed(ctx, db, o.Seed, o.Customers)); err != nil {
		return w, err
	}
	if o.Sales != "" {
		if err := w.startSales(ctx, o, say); err != nil {
			return w, err
		}
	}
	if err := w.startKafka(ctx, o, say); err != nil {
		return w, err
	}
	say("starting the CRM")
	if w.CRM, err = crm.Start(token, o.Faults); err != nil {
		return w, err
	}
	w.env = []string{
		"ERP_DSN=" + w.ERP(), "CRM_TOKEN=" + token, "CRM_URL=" + w.CRM.URL(),
		"SLUICE_KAFKA=" + w.Broker.Addr(), "SLUICE_REGISTRY=" + w.Registry.URL(),
	}
	if w.Sales != nil {
		w.env = append(w.env, "CRM_DSN="+w.salesDSN())
	}
	if o.Accounts {
		say("giving both a table of accounts, and an API before each")
		if err := w.startAccounts(ctx); err != nil {
			return w, err
		}
	}
	return w, nil
}

func (w *World) startKafka(ctx context.Context, o Options, say func(string, ...any)) (err error) {
	if o.Apache {
		say("starting Apache Kafka")
		var k *local.Kafka
		if k, err = local.StartKafka(ctx, local.KafkaOptions{}); err != nil {
			return err
		}
		w.Broker = k
	} else {
		say("starting the embedded broker")
		if w.Broker, err = StartBroker(ctx, o.Binary, filepath.Join(w.Dir, "kafka")); err != nil {
			return err
		}
	}
	w.Kafka = kafka.Config{Brokers: []string{w.Broker.Addr()}}
	w.Kafka.Defaults()
	w.Registry, err = local.StartRegistry(ctx, w.Kafka, "127.0.0.1:0")
	return err
}

// ERP is the connection string of the ERP's database.
func (w *World) ERP() string { return w.Postgres.DSN("postgres") }

// Env is the environment that sluice.yaml asks for.
func (w *World) Env() []string { return w.env }

// Close stops all that New started; the roles are stopped by whoever started
// them.
func (w *World) Close(ctx context.Context) error {
	var errs []error
	if w.CRM != nil {
		errs = append(errs, w.CRM.Close(ctx))
	}
	if w.Accounts != nil {
		errs = append(errs, w.Accounts.close(ctx))
	}
	if w.Registry != nil {
		errs = append(errs, w.Registry.Close())
	}
	if w.Broker != nil {
		errs = append(errs, w.Broker.Stop())
	}
	if w.Sales != nil {
		errs = append(errs, w.Sales.Stop())
	}
	if w.Postgres != nil {
		errs = append(errs, w.Postgres.Stop())
	}
	return errors.Join(errs...)
}
