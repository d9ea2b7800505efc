package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"sluice/ops/demo/accounts"
	"sluice/ops/demo/audit"
	"sluice/ops/demo/crm"
	"sluice/ops/demo/erp"
	"sluice/ops/demo/sales"
	"sluice/ops/demo/world"
	"sluice/ops/local"
)

// Options of a demo.
type Options struct {
	// For is how long the ERP and the CRM are changed; zero: until ctx ends.
	For time.Duration
	// JSON prints the result as one JSON line, last on Stdout.
	JSON bool
	// Seed fixes what is random. Customers is how many the ERP starts with, and
	// the CRM half as many contacts; Rate is how many transactions a second
	// change each.
	Seed      uint64
	Customers int
	Rate      int
	// Sales is the server of the CRM's own database; empty: MySQL where it is
	// there, else MariaDB.
	Sales local.Flavour
	// Stdout takes the result, Stderr the live view when the result is JSON.
	Stdout, Stderr io.Writer
	// Binary is the sluice that runs the pipeline; empty: this program.
	Binary string
	// Keep keeps the directory with the configuration and the logs.
	Keep bool
}

// The phases, as they are shown.
const (
	changing = "changing the ERP and the CRM"
	draining = "delivering the rest"
)

// drainLimit is how long the pipeline may take to deliver what is left.
const drainLimit = 5 * time.Minute

// Run runs the demo. When ctx ends the load stops early and the comparison
// follows. The error says that something was lost or doubled, or that the demo
// could not run.
func Run(ctx context.Context, o Options) (err error) {
	out := o.Stdout
	if o.JSON {
		out = o.Stderr
	}
	v := newView(out)
	if o.Sales == "" {
		if o.Sales, err = local.FindFlavour(); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp("", "sluice-demo-")
	if err != nil {
		return err
	}
	if o.Binary == "" {
		if o.Binary, err = os.Executable(); err != nil {
			return err
		}
	}
	w, err := world.New(ctx, world.Options{
		Binary: o.Binary, Dir: dir, Seed: o.Seed, Customers: o.Customers, Say: v.sayf,
		Sales: o.Sales, Contacts: o.Customers / 2, Accounts: true,
		Faults: crm.Faults{Seed: o.Seed, Errors: 0.02, Resets: 0.01, Rate: 2000},
	})
	calm := context.WithoutCancel(ctx)
	defer func() {
		err = errors.Join(err, w.Close(calm))
		if !o.Keep {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	if err != nil {
		return err
	}
	v.server = w.Sales.Flavour().Product() + " " + w.Sales.Release()
	v.sayf("starting the pipeline: sluice run --config %s", w.Config)
	p, err := w.Start("run")
	if err != nil {
		return err
	}
	defer func() {
		stop, cancel := context.WithTimeout(calm, 20*time.Second)
		defer cancel()
		_ = p.Stop(stop) // the result is known by now
	}()
	d := demo{Options: o, world: w, proc: p, view: v}
	if err := d.changeAndDrain(ctx); err != nil {
		return fmt.Errorf("%w\nthe pipeline's last words:\n%s", err, p.Tail(15))
	}
	report, err := audit.Run(calm, w)
	if err != nil {
		return err
	}
	drops, err := scrape(calm, p)
	if err != nil {
		return err
	}
	if err := audit.BothWays(calm, w, &d.both, drops.dropped, report); err != nil {
		return err
	}
	if err := report.Print(o.Stdout, o.JSON); err != nil {
		return err
	}
	return report.Verdict()
}

type demo struct {
	Options
	world *world.World
	proc  *world.Proc
	view  *view
	load  erp.Load
	sales sales.Load
	both  accounts.Load
	start time.Time
	last  sample
	shown time.Time
}

// changeAndDrain runs the loads for their time, then waits until all of it
// arrived.
func (d *demo) changeAndDrain(ctx context.Context) error {
	calm := context.WithoutCancel(ctx)
	d.load = erp.Load{Seed: d.Seed, Customers: d.Customers, Rate: d.Rate}
	d.sales = sales.Load{Seed: d.Seed, Contacts: d.Customers / 2, Rate: d.Rate}
	d.both = accounts.Load{Seed: d.Seed, Accounts: d.Customers / 10, Rate: max(1, d.Rate/6)}
	d.start, d.shown = time.Now(), time.Now()
	loading, stop := context.WithCancel(ctx)
	if d.For > 0 {
		loading, stop = context.WithTimeout(ctx, d.For)
	}
	defer stop()
	loads, both := errgroup.WithContext(loading)
	loads.Go(func() error { return d.changeERP(both) })
	loads.Go(func() error { return d.changeCRM(both) })
	loads.Go(func() error { return d.changeBoth(both) })
	loaded := make(chan error, 1)
	go func() { loaded <- loads.Wait() }()
	err := d.watch(calm, changing, d.For, func() (bool, string, error) {
		select {
		case err := <-loaded:
			return true, "", err
		default:
			return false, "", nil
		}
	})
	if err != nil {
		stop()
		return err
	}
	d.start = time.Now()
	bounded, cancel := context.WithTimeout(calm, drainLimit)
	defer cancel()
	wal, err := d.world.WAL(bounded)
	if err != nil {
		return err
	}
	err = d.watch(bounded, draining, 0, func() (bool, string, error) {
		pending, err := d.world.Pending(bounded, wal)
		if pending == "" && err == nil {
			pending, err = d.world.PendingSales(bounded)
		}
		if pending == "" && err == nil {
			pending, err = d.world.PendingAccounts(bounded)
		}
		return pending == "", pending, err
	})
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("not everything arrived within %s", drainLimit)
	}
	return err
}

func (d *demo) changeERP(ctx context.Context) error {
	calm := context.WithoutCancel(ctx)
	db, err := pgx.Connect(calm, d.world.ERP())
	if err != nil {
		return fmt.Errorf("connecting to the ERP: %w", err)
	}
	defer func() { _ = db.Close(calm) }()
	return d.load.Run(ctx, db)
}

// changeCRM begins when the capture has: only then must each change have an
// event of its own, and not just a row in the copy.
func (d *demo) changeCRM(ctx context.Context) error {
	db, err := d.world.OpenSales()
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if err := await(ctx, d.world.SalesCaptured); err != nil {
		return err
	}
	return d.sales.Run(ctx, db)
}

// changeBoth changes the accounts in both systems, when both are captured.
func (d *demo) changeBoth(ctx context.Context) error {
	calm := context.WithoutCancel(ctx)
	if err := errors.Join(await(ctx, d.world.SalesCaptured), await(ctx, d.world.ERPCaptured)); err != nil {
		return err
	}
	books := []*accounts.Book{d.world.Accounts.ERP, d.world.Accounts.CRM}
	if err := d.both.Start(calm, books...); err != nil {
		return err
	}
	return d.both.Run(ctx, books...)
}

// await waits until it is so, or ctx ends.
func await(ctx context.Context, so func(context.Context) (bool, error)) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if yes, err := so(context.WithoutCancel(ctx)); err != nil || yes {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// watch shows the pipeline every half second until done says so.
func (d *demo) watch(ctx context.Context, phase string, total time.Duration, done func() (bool, string, error)) error {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		finished, pending, err := done()
		if err != nil {
			return err
		}
		now, scrapeErr := scrape(ctx, d.proc)
		if scrapeErr == nil { // it may still be starting
			c := d.world.CRM.Counts()
			d.view.show(status{
				phase: phase, draining: phase == draining, elapsed: time.Since(d.start), total: total, now: now, before: d.last,
				interval: time.Since(d.shown), changes: d.load.Changes(), sales: d.sales.Changes(), both: d.both.Changes(),
				errs: c.Errors, cuts: c.Resets, slow: c.Throttled, pending: pending,
			})
			d.last, d.shown = now, time.Now()
		}
		if finished {
			return nil
		}
		select {
		case <-tick.C:
		case <-d.proc.Done():
			return errors.New("the pipeline has ended")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
