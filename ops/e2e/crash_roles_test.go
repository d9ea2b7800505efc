package e2e

import (
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"sluice/ops/demo/crm"
	"sluice/ops/demo/world"
)

// TestCrash kills roles with SIGKILL at random moments under load, the first
// ones during the snapshot, and compares every row afterwards. ROUNDS is how
// often, SEED repeats a run's choices, ROLES ("sink", "capture stream") limits
// who is killed.
func TestCrash(t *testing.T) {
	rounds, seed := number("ROUNDS", 4), number("SEED", uint64(time.Now().UnixNano()))
	t.Logf("ROUNDS=%d SEED=%d", rounds, seed)
	r := rand.New(rand.NewPCG(seed, 4))
	roles := []string{"capture", "stream", "sink"}
	victims := roles
	if some := strings.Fields(os.Getenv("ROLES")); len(some) > 0 {
		victims = some
	}
	s := newStage(t, world.Options{
		Seed: seed, Customers: 2000, Apache: os.Getenv("SLUICE_TEST_KAFKA") == "apache",
		Faults: crm.Faults{Seed: seed, Errors: 0.02, Resets: 0.01},
	}, roles...)
	s.load.Rate = 300
	s.during(func() {
		for n := range rounds {
			after := time.Duration(r.Int64N(int64(2500 * time.Millisecond)))
			role := victims[int(n)%len(victims)]
			if n >= 3 {
				role = victims[r.IntN(len(victims))]
			}
			pause(t.Context(), after)
			p := s.roles[role]
			select {
			case <-p.Done():
				t.Fatalf("round %d: sluice %s had ended by itself:\n%s", n, role, p.Tail(10))
			default:
			}
			t.Logf("round %d: kill -9 of %s after %s", n, role, after)
			p.Kill()
			if err := p.Restart(); err != nil {
				t.Fatal(err)
			}
		}
	})
	s.drain(4 * time.Minute)
	s.audit()
}
