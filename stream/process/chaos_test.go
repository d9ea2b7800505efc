package process

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/ops/local"
	"sluice/ops/local/localtest"
	"sluice/schemas"
	"sluice/schemas/registry"
	"sluice/stream"
	"sluice/stream/kafka"
)

// load produces records with the positions 0, 1, ... in the background, until
// stop is called, which returns how many.
func (w *world) load() (stop func() int) {
	w.t.Helper()
	w.ensure(w.topic)
	ctx, cancel := context.WithCancel(w.context())
	done := make(chan struct{})
	n := 0
	go func() {
		defer close(done)
		pace := time.NewTicker(5 * time.Millisecond) // leaves the processor to the stream
		defer pace.Stop()
		for ctx.Err() == nil {
			<-pace.C
			records := make([]*kgo.Record, 1+rand.IntN(40))
			for i := range records {
				records[i] = w.raw(schemas.Create, n+i, "name "+strconv.Itoa(n+i))
			}
			// Not under ctx: what is produced must be known.
			if err := w.client.ProduceSync(w.context(), records...).FirstErr(); err != nil {
				w.t.Errorf("producing: %v", err)
				return
			}
			n += len(records)
		}
	}()
	return func() int {
		cancel()
		<-done
		return n
	}
}

// TestExactlyOnceUnderErrors: the broker answers requests of the transaction
// with errors, some of them after it has carried them out.
func TestExactlyOnceUnderErrors(t *testing.T) {
	if os.Getenv("SLUICE_TEST_KAFKA") == "apache" {
		t.Skip("only the embedded broker can be made to fail")
	}
	w := newWorld(t)
	cluster := localtest.Broker(t).Cluster()
	var injected atomic.Int32
	fail := func(key int16, share float64, answer func(kmsg.Request) kmsg.Response) {
		cluster.ControlKey(key, func(req kmsg.Request) (kmsg.Response, error, bool) {
			cluster.KeepControl()
			if rand.Float64() >= share {
				return nil, nil, false
			}
			injected.Add(1)
			return answer(req), nil, true
		})
	}
	id := TransactionalID(w.name, "a")
	fail(int16(kmsg.TxnOffsetCommit), 0.1, func(r kmsg.Request) kmsg.Response {
		req := r.(*kmsg.TxnOffsetCommitRequest)
		resp := req.ResponseKind().(*kmsg.TxnOffsetCommitResponse)
		for _, rt := range req.Topics {
			st := kmsg.NewTxnOffsetCommitResponseTopic()
			st.Topic = rt.Topic
			for _, rp := range rt.Partitions {
				sp := kmsg.NewTxnOffsetCommitResponseTopicPartition()
				sp.Partition, sp.ErrorCode = rp.Partition, kerr.RebalanceInProgress.Code
				st.Partitions = append(st.Partitions, sp)
			}
			resp.Topics = append(resp.Topics, st)
		}
		return resp
	})
	fail(int16(kmsg.AddPartitionsToTxn), 0.02, func(r kmsg.Request) kmsg.Response {
		return r.ResponseKind()
	})
	fail(int16(kmsg.EndTxn), 0.05, func(r kmsg.Request) kmsg.Response {
		resp := r.ResponseKind().(*kmsg.EndTxnResponse)
		if r.(*kmsg.EndTxnRequest).TransactionalID == id {
			resp.ErrorCode = kerr.UnknownServerError.Code
		}
		return resp
	})
	stop := w.load()
	r := w.start("a", newStage(w.name))
	w.eventually("errors", func() bool { return injected.Load() >= 30 })
	n := stop()
	w.drained()
	r.stop()
	t.Logf("%d errors injected into the processing of %d records", injected.Load(), n)
	w.onceEach(n)
	if got := r.balanced(); got > n {
		t.Errorf("counted %d of %d", got, n)
	}
}

// TestRebalance: members come and go under load.
func TestRebalance(t *testing.T) {
	w := newWorld(t)
	stop := w.load()
	all := []*running{w.start("a", newStage(w.name))}
	for round := range 6 {
		joined := w.start("b"+strconv.Itoa(round), newStage(w.name))
		w.eventually("the new member works", func() bool { return joined.consumed() > 0 })
		leaving := all[len(all)-1]
		leaving.stop()
		all = append(all, joined)
		before := joined.consumed()
		w.eventually("it works alone", func() bool { return joined.consumed() > before })
	}
	n := stop()
	w.drained()
	sum := 0
	for _, r := range all {
		r.stop()
		sum += r.balanced()
	}
	t.Logf("%d records", n)
	w.onceEach(n)
	if sum != n {
		t.Errorf("counted %d of %d", sum, n)
	}
}

// TestDeadLettersOnce: dead letters too come once, when stages fail at random and
// the process is stopped and started.
func TestDeadLettersOnce(t *testing.T) {
	w := newWorld(t)
	w.ensure(w.topic)
	const n = 600
	for i := 0; i < n; i += 100 {
		var records []*kgo.Record
		for j := i; j < i+100; j++ {
			records = append(records, w.raw(schemas.Create, j, "park"))
		}
		w.produce(records...)
	}
	var sum int
	for range 3 {
		stage := newStage(w.name)
		seen := make(chan struct{}, 1)
		stage.before = func([]*stream.Item) error {
			select {
			case seen <- struct{}{}:
			default:
			}
			if rand.IntN(2) == 0 {
				return fmt.Errorf("a passing trouble")
			}
			return nil
		}
		r := w.start("a", stage)
		<-seen
		r.stop()
		sum += r.balanced()
	}
	r := w.start("a", newStage(w.name))
	w.drained()
	r.stop()
	sum += r.balanced()
	got := positions(w.committed(DeadLetterTopic(w.name)))
	for i := range n {
		if c := got[strconv.Itoa(i)]; c != 1 {
			t.Errorf("the dead letter of %d is there %d times", i, c)
		}
	}
	if sum != n {
		t.Errorf("counted %d of %d", sum, n)
	}
}

// TestBrokerRestarts: the broker goes away under load and comes back with its
// data; the process goes on by itself.
func TestBrokerRestarts(t *testing.T) {
	var broker *local.Broker
	dir, addr := t.TempDir(), ""
	start := func() {
		var err error
		if broker, err = local.StartBroker(t.Context(), local.BrokerOptions{Dir: dir, Addr: addr}); err != nil {
			t.Fatal(err)
		}
		addr = broker.Addr()
	}
	start()
	defer func() { broker.Close() }()
	w := newWorldOn(t, kafka.Config{Brokers: []string{addr}, Topics: kafka.Topics{Partitions: 4, ReplicationFactor: 1}})
	stop := w.load()
	r := w.start("a", newStage(w.name))
	for range 3 {
		before := r.consumed()
		w.eventually("progress", func() bool { return r.consumed() > before })
		broker.Close()
		start()
	}
	n := stop()
	w.drained()
	r.stop()
	t.Logf("%d records", n)
	w.onceEach(n)
}

// child is what a stream in a process of its own has to know.
type child struct {
	Kafka                 kafka.Config
	Registry              registry.Config
	Name, Topic, Instance string
}

const childVariable = "SLUICE_STREAM_CHILD"

// runChild runs the stream that the environment describes, until it is killed.
func runChild() bool {
	text := os.Getenv(childVariable)
	if text == "" {
		return false
	}
	var c child
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		panic(err)
	}
	reg, err := c.Registry.Open()
	if err != nil {
		panic(err)
	}
	stage := newStage(c.Name)
	stage.before = func([]*stream.Item) error {
		fmt.Println("batch") // the parent counts on it
		return nil
	}
	p, err := New(c.Name, Config{Batch: Batch{Records: 50}}, Topics{Inputs: []string{c.Topic}}, []stream.Processor{stage}, c.Instance, c.Kafka, reg, testLog(), nil)
	if err != nil {
		panic(err)
	}
	p.sessionTimeout = testSession()
	if err := p.Run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

// TestKill kills the process at random moments, in the middle of transactions,
// and starts it again under the same name.
func TestKill(t *testing.T) {
	w := newWorld(t)
	self, err := os.Executable()
	w.must(err)
	config, err := json.Marshal(child{w.kafka, localtest.Registry(t), w.name, w.topic, "a"})
	w.must(err)
	stop := w.load()
	for round := range 5 {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), childVariable+"="+string(config))
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		w.must(err)
		w.must(cmd.Start())
		batches := make([]byte, 6*(1+rand.IntN(6)))
		if _, err := io.ReadFull(out, batches); err != nil {
			t.Errorf("round %d: the child said nothing: %v", round, err)
		}
		// Somewhere between the stage and the commit of this batch, or the next.
		wait := time.NewTimer(time.Duration(rand.IntN(4000)) * time.Microsecond)
		<-wait.C
		w.must(cmd.Process.Kill())
		_ = cmd.Wait() // it was killed
	}
	r := w.start("a", newStage(w.name))
	n := stop()
	w.drained()
	r.stop()
	t.Logf("%d records", n)
	w.onceEach(n)
}
