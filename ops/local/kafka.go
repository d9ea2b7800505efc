package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// KafkaOptions say how a private Apache Kafka differs from the default one.
type KafkaOptions struct {
	// Dir holds the log; a temporary directory if empty.
	Dir string
	// KeepDir leaves Dir in place after Stop.
	KeepDir bool
	// Port of 127.0.0.1; a free one if 0.
	Port int
	// Properties are added to server.properties and win over the defaults.
	Properties map[string]string
}

// Kafka is a private Apache Kafka: one node, broker and KRaft controller in
// one process of at most 512 MB of heap. All methods may be called from any
// goroutine.
type Kafka struct {
	java  string
	jars  string
	dir   string
	keep  bool
	props map[string]string

	mu      sync.Mutex
	port    int // clients
	control int // the controller's own listener
	p       *process
}

// StartKafka starts Apache Kafka and returns when it answers. Its jars come
// from Maven Central, once, into the user's cache directory. ctx bounds the
// start only.
func StartKafka(ctx context.Context, o KafkaOptions) (*Kafka, error) {
	java, err := Java("kafka")
	if err != nil {
		return nil, err
	}
	jars, err := kafkaJars(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := place(o.Dir, "kafka")
	if err != nil {
		return nil, err
	}
	k := &Kafka{java: java, jars: jars, dir: dir, keep: o.KeepDir, props: o.Properties, port: o.Port}
	for try := 1; ; try++ {
		if o.Port == 0 {
			if k.port, err = FreePort(); err != nil {
				break
			}
		}
		if k.control, err = FreePort(); err != nil {
			break
		}
		if err = k.format(ctx); err != nil {
			break
		}
		if err = k.run(ctx); err == nil {
			return k, nil
		}
		if o.Port != 0 || try == 5 || !inUse(err.Error()) {
			break
		}
	}
	k.clear()
	return nil, err
}

// properties is the path of server.properties, written anew for the ports.
func (k *Kafka) properties() (string, error) {
	port, control := strconv.Itoa(k.port), strconv.Itoa(k.control)
	props := map[string]string{
		"process.roles":                    "broker,controller",
		"node.id":                          "1",
		"controller.quorum.voters":         "1@127.0.0.1:" + control,
		"controller.listener.names":        "CONTROLLER",
		"listeners":                        "PLAINTEXT://127.0.0.1:" + port + ",CONTROLLER://127.0.0.1:" + control,
		"advertised.listeners":             "PLAINTEXT://127.0.0.1:" + port,
		"log.dirs":                         filepath.Join(k.dir, "log"),
		"num.partitions":                   "4",
		"auto.create.topics.enable":        "false",
		"group.initial.rebalance.delay.ms": "0",
		// One node cannot keep three copies.
		"offsets.topic.replication.factor":                 "1",
		"transaction.state.log.replication.factor":         "1",
		"transaction.state.log.min.isr":                    "1",
		"share.coordinator.state.topic.replication.factor": "1",
		"share.coordinator.state.topic.min.isr":            "1",
		// Fewer internal partitions start faster.
		"offsets.topic.num.partitions":         "4",
		"transaction.state.log.num.partitions": "4",
		"num.network.threads":                  "2",
		"num.io.threads":                       "2",
		"log.retention.ms":                     "-1",
	}
	for name, v := range k.props {
		props[name] = v
	}
	var b strings.Builder
	for name, v := range props {
		fmt.Fprintf(&b, "%s=%s\n", name, v)
	}
	path := filepath.Join(k.dir, "server.properties")
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		return "", fmt.Errorf("writing the properties of kafka: %w", err)
	}
	return path, nil
}

// format prepares the log directory, as KRaft asks for before the first start.
func (k *Kafka) format(ctx context.Context) error {
	props, err := k.properties()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, k.java, k.arguments("-Xmx128m", "kafka.tools.StorageTool", "format",
		"--cluster-id", "c2x1aWNlLWxvY2FsLWthZg", "--config", props, "--ignore-formatted")...)
	cmd.SysProcAttr = attributes(syscall.SIGKILL, nil)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("formatting the log of kafka: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

func (k *Kafka) arguments(heap, class string, args ...string) []string {
	return append([]string{
		heap, "-XX:+UseSerialGC", "-Djava.awt.headless=true",
		"-Dlog4j2.configurationFile=" + filepath.Join(k.jars, "log4j2.properties"),
		"-cp", filepath.Join(k.jars, "*"), class,
	}, args...)
}

func (k *Kafka) run(ctx context.Context) error {
	props, err := k.properties()
	if err != nil {
		return err
	}
	p, err := start(command{
		path: k.java, args: k.arguments("-Xmx512m", "kafka.Kafka", props),
		dir: k.dir, keep: k.keep, quit: syscall.SIGKILL,
	}, filepath.Join(k.dir, "kafka.log"))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, 2*time.Minute, errors.New("kafka did not answer within two minutes"))
	defer cancel()
	err = until(ctx, func() bool { return p.exited() || answersKafka(ctx, k.addr()) })
	if p.exited() {
		return fmt.Errorf("starting kafka in %s: %s", k.dir, p.tail())
	}
	if err != nil {
		return fmt.Errorf("starting kafka in %s: %w", k.dir, join(err, p.kill()))
	}
	k.p = p
	return nil
}

// answersKafka reports whether the broker at addr takes requests.
func answersKafka(ctx context.Context, addr string) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.RequestRetries(0), kgo.RetryTimeout(time.Second))
	if err != nil {
		return false
	}
	defer cl.Close()
	return cl.Ping(ctx) == nil
}

// Addr is "127.0.0.1:port".
func (k *Kafka) Addr() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.addr()
}

func (k *Kafka) addr() string { return "127.0.0.1:" + strconv.Itoa(k.port) }

// PID is the id of the process, 0 when it is not running.
func (k *Kafka) PID() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.p == nil {
		return 0
	}
	return k.p.pid
}

// Stop ends Kafka in order and removes the directory unless KeepDir. It may
// be called more than once.
func (k *Kafka) Stop() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	err := k.halt()
	k.clear()
	return err
}

func (k *Kafka) halt() error {
	if k.p == nil {
		return nil
	}
	err := k.p.stop(syscall.SIGTERM, 20*time.Second)
	k.p = nil
	return err
}

// Kill ends Kafka with SIGKILL.
func (k *Kafka) Kill() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.p == nil {
		return ErrStopped
	}
	err := k.p.kill()
	k.p = nil
	return err
}

// Restart stops Kafka if it runs, and starts it again in the same directory on
// the same port.
func (k *Kafka) Restart(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.halt(); err != nil {
		return err
	}
	return k.run(ctx)
}

// ConsoleConsumer runs Kafka's own console consumer over the topic from its
// beginning, with isolation level read_committed, and returns what it printed:
// by default each value and a line feed. It ends when no record came for ten
// seconds, or as args say ("--max-messages", "10").
func (k *Kafka) ConsoleConsumer(ctx context.Context, topic string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, k.java, k.arguments("-Xmx256m", "org.apache.kafka.tools.consumer.ConsoleConsumer",
		append([]string{
			"--bootstrap-server", k.Addr(), "--topic", topic, "--from-beginning",
			"--isolation-level", "read_committed", "--timeout-ms", "10000",
		}, args...)...)...)
	var out, bad bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &bad
	cmd.SysProcAttr = attributes(syscall.SIGKILL, nil)
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("running kafka's console consumer: %w: %s", err, strings.TrimSpace(bad.String()))
	}
	return out.Bytes(), nil
}

func (k *Kafka) clear() {
	if !k.keep {
		_ = os.RemoveAll(k.dir)
	}
}
