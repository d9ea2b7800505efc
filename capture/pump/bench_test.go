package pump_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/capture"
	"sluice/capture/pump"
	"sluice/ops/local"
	"sluice/schemas"
	"sluice/schemas/avro"
	"sluice/stream/kafka"
)

// brokerEnv makes this test binary an embedded broker and nothing else, so that
// a benchmark does not pay for the broker's work in its own process.
const brokerEnv = "SLUICE_PUMP_TEST_BROKER"

// serveBroker reports whether this process was started as a broker; it then has
// served until its standard input ended.
func serveBroker() bool {
	dir := os.Getenv(brokerEnv)
	if dir == "" {
		return false
	}
	b, err := local.StartBroker(context.Background(), local.BrokerOptions{Dir: dir})
	if err != nil {
		fmt.Println("error:", err)
		return true
	}
	defer b.Close()
	fmt.Println(b.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
	return true
}

// brokerProcess starts a broker in another process and returns its settings.
func brokerProcess(b *testing.B) kafka.Config {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), brokerEnv+"="+b.TempDir())
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return kafka.Config{
		Brokers: []string{strings.TrimSpace(addr)},
		Topics:  kafka.Topics{Partitions: 4, ReplicationFactor: 1},
	}
}

// loop gives the same batches again and again, left rows in all: 7 columns with
// about 90 bytes of text, and the source block of a Postgres capture.
type loop struct {
	batches []capture.Batch
	left    int
	next    int
}

func newLoop() *loop {
	typ := func(t schemas.TypeName) schemas.Type { return schemas.Type{Name: t} }
	source := &schemas.Table{Schema: "io.debezium.connector.postgresql", Name: "Source"}
	for _, name := range []string{"version", "connector", "name", "ts_ms", "snapshot", "db", "sequence", "ts_us", "ts_ns", "schema", "table", "txId", "lsn", "xmin"} {
		c := schemas.Column{Name: name, Type: typ(schemas.StringType)}
		if strings.HasPrefix(name, "ts_") || name == "txId" || name == "lsn" || name == "xmin" {
			c.Type = typ(schemas.Int64Type)
		}
		c.Optional = name == "xmin" || name == "sequence"
		source.Columns = append(source.Columns, c)
	}
	table := &schemas.Table{Schema: "public", Name: "customers", Key: []int{0}, Source: source, Columns: []schemas.Column{
		{Name: "id", Type: typ(schemas.Int64Type)},
		{Name: "number", Type: typ(schemas.StringType)},
		{Name: "name", Type: typ(schemas.StringType)},
		{Name: "email", Type: typ(schemas.StringType), Optional: true},
		{Name: "spend", Type: schemas.Type{Name: schemas.DecimalType, Precision: 14, Scale: 2}, Optional: true},
		{Name: "active", Type: typ(schemas.BoolType)},
		{Name: "updated_at", Type: typ(schemas.MicroTimestampType), Optional: true},
	}}
	l := &loop{}
	for at := 0; at < 64_000; at += 1000 {
		var arena schemas.Arena
		text := func(format string, args ...any) schemas.Value {
			return schemas.TextOf(arena.Copy(fmt.Appendf(nil, format, args...)))
		}
		batch := capture.Batch{Time: time.Now()}
		for i := at; i < at+1000; i++ {
			row := arena.Row(7)
			row[0] = schemas.IntOf(int64(i))
			row[1] = text("C-%08d", i)
			row[2] = text("Aurelia Featherstonehaugh-Cholmondeley %06d", i)
			row[3] = text("aurelia.featherstonehaugh.%d@example.com", i)
			row[4] = schemas.DecimalOf(arena.Copy([]byte{1, byte(i >> 8), byte(i)}), 2)
			row[5] = schemas.BoolOf(i%2 == 0)
			row[6] = schemas.IntOf(1_800_000_000_000_000 + int64(i))
			src := arena.Row(14)
			for c := range src {
				if source.Columns[c].Type.Name == schemas.Int64Type {
					src[c] = schemas.IntOf(1_800_000_000_000 + int64(i))
				}
			}
			src[0], src[1], src[2], src[4] = text("1"), text("postgresql"), text("erp"), text("false")
			src[5], src[6], src[9], src[10] = text("erp"), text(`["24023119","24023128"]`), text("public"), text("customers")
			src[13] = schemas.Value{}
			batch.Changes = append(batch.Changes, schemas.Change{
				Op: schemas.Create, Table: table, After: row, Source: src,
				ID: arena.Copy(fmt.Appendf(nil, "0/16E9A7C8.%08d", i)),
			})
		}
		l.batches = append(l.batches, batch)
	}
	return l
}

func (l *loop) Open(context.Context, schemas.Position) error { return nil }
func (l *loop) Ack(context.Context, schemas.Position) error  { return nil }
func (l *loop) Close(context.Context) error                  { return nil }

func (l *loop) Next(context.Context) (capture.Batch, error) {
	if l.left <= 0 {
		return capture.Batch{}, io.EOF
	}
	b := l.batches[l.next%len(l.batches)]
	l.next++
	if l.left < len(b.Changes) {
		b.Changes = b.Changes[:l.left]
	}
	l.left -= len(b.Changes)
	b.Position = schemas.Position(fmt.Sprintf(`{"batch":%d}`, l.next))
	return b, nil
}

// BenchmarkPump is the whole engine on a source that costs nothing, beside a
// bare transactional client that is given ready records of the same size, both
// into a broker in another process. It reports rows a second of both, the
// ratio, and this process's CPU time a row.
func BenchmarkPump(b *testing.B) {
	kc := brokerProcess(b)
	reg, _ := schemaRegistry(b, nil)
	r := &rig{t: b, name: "erp", kafka: kc, reg: reg, log: testLog(b)}
	if v := os.Getenv("COMMIT_BYTES"); v != "" {
		if err := r.cfg.Bytes.UnmarshalText([]byte(v)); err != nil {
			b.Fatal(err)
		}
	}
	rows := newLoop()
	pumpRows(b, r, rows, 50_000) // topics, schemas, page cache
	sample := r.records("erp.public.customers")[0]

	b.ReportAllocs()
	b.ResetTimer()
	cpu, start := cpuTime(), time.Now()
	pumpRows(b, r, rows, b.N)
	took, cpu := time.Since(start), cpuTime()-cpu
	b.StopTimer()

	bare := bareRows(b, kc, sample, b.N)
	rate := float64(b.N) / took.Seconds()
	b.ReportMetric(rate, "rows/s")
	b.ReportMetric(float64(b.N)/bare.Seconds(), "bare-rows/s")
	b.ReportMetric(bare.Seconds()/took.Seconds(), "ratio")
	b.ReportMetric(float64(cpu.Nanoseconds())/float64(b.N), "cpu-ns/op")
	b.ReportMetric(float64(len(sample.Key)+len(sample.Value)), "B/row")
}

func pumpRows(b *testing.B, r *rig, rows *loop, n int) {
	rows.left = n
	p, err := pump.New(r.name, rows, r.cfg, avro.Options{}, r.kafka, r.reg, r.log, nil)
	if err != nil {
		b.Fatal(err)
	}
	if err := p.Run(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// bareRows produces n copies of a record in transactions of 30,000.
func bareRows(b *testing.B, kc kafka.Config, sample *kgo.Record, n int) time.Duration {
	opts, err := kc.Options("bare", nil)
	if err != nil {
		b.Fatal(err)
	}
	cl, err := kgo.NewClient(append(opts, kgo.TransactionalID("bare"), kgo.MaxBufferedRecords(1<<17),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)))...)
	if err != nil {
		b.Fatal(err)
	}
	defer cl.Close()
	records := make([]kgo.Record, 30_000)
	start := time.Now()
	for n > 0 {
		if err := cl.BeginTransaction(); err != nil {
			b.Fatal(err)
		}
		for i := range records[:min(n, len(records))] {
			key := append([]byte(nil), sample.Key...)
			key[len(key)-1] = byte(i)
			records[i] = kgo.Record{Topic: sample.Topic, Key: key, Value: sample.Value, Headers: sample.Headers, Timestamp: start}
			cl.Produce(b.Context(), &records[i], func(_ *kgo.Record, err error) {
				if err != nil {
					b.Error(err)
				}
			})
		}
		n -= len(records)
		if err := cl.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
		if err := cl.EndTransaction(b.Context(), kgo.TryCommit); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(start)
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
