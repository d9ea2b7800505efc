package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// prepareSysbench makes its tables, where there is the program. With
// REQUIRE_SERVICES=1 there must be.
func (m *mysqlVictim) prepareSysbench(seed uint64) {
	m.t.Helper()
	path, err := exec.LookPath("sysbench")
	if err != nil {
		if os.Getenv("REQUIRE_SERVICES") == "1" {
			m.t.Fatal(err)
		}
		m.t.Logf("only the mix of our own writes: %v", err)
		return
	}
	m.sysbench = path
	if out, err := m.sysbenchCommand(m.t.Context(), seed, "prepare").CombinedOutput(); err != nil {
		m.t.Fatalf("sysbench prepare: %v: %s", err, out)
	}
}

func (m *mysqlVictim) sysbenchCommand(ctx context.Context, seed uint64, what string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, m.sysbench, "oltp_read_write", "--db-driver=mysql", "--mysql-host=127.0.0.1", "--mysql-port="+strconv.Itoa(m.Port()), "--mysql-user=root", "--mysql-db=crash",
		"--tables=2", "--table-size=10000", "--threads=2", "--rate=30", "--time=0", "--mysql-ignore-errors=1020,1205,1213", fmt.Sprintf("--rand-seed=%d", 1+seed%(1<<31-1)), what)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// runSysbench runs until ctx is done, again after each end: the server is killed
// under it.
func (m *mysqlVictim) runSysbench(ctx context.Context, seed uint64) {
	for ctx.Err() == nil {
		out, err := m.sysbenchCommand(ctx, seed, "run").CombinedOutput()
		if ctx.Err() == nil && (err == nil || !crashed(string(out))) {
			m.t.Errorf("sysbench ended: %v: %s", err, out)
			return
		}
		pause(ctx, 100*time.Millisecond)
	}
}
