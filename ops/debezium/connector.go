package debezium

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"sluice/ops/local"
)

// Version is the Debezium that records are compared with. It needs Java 17.
const Version = "3.6.1.Final"

// artifacts are the connector, the engine that runs it without Kafka, the Avro
// converter, and a compiler, so that a Java without one will do.
var artifacts = []local.Artifact{
	{Group: "io.debezium", Name: "debezium-embedded", Version: Version},
	{Group: "io.debezium", Name: "debezium-connector-postgres", Version: Version},
	{Group: "io.apicurio", Name: "apicurio-registry-utils-converter", Version: "2.6.13.Final"},
	{Group: "org.eclipse.jdt", Name: "ecj", Version: "3.38.0"},
	{Group: "org.slf4j", Name: "slf4j-simple", Version: "1.7.36"},
}

//go:embed java/Reference.java
var program []byte

// Record is one record of a connector, as Kafka would get it.
type Record struct {
	Topic   string   `json:"topic"`
	Key     *Part    `json:"key"`
	Value   *Part    `json:"value"`
	Headers []Header `json:"headers"`
}

// Part is a key, a value or what a header holds: Avro bytes and their schema.
type Part struct {
	Schema string `json:"schema"`
	Avro   []byte `json:"avro"`
	// Connect is the same as Connect's JSON converter writes it, for a person
	// to read.
	Connect json.RawMessage `json:"connect"`
}

// Header is one header of a record.
type Header struct {
	Name  string `json:"name"`
	Value *Part  `json:"value"`
}

// Connector is a running connector.
type Connector struct {
	cmd *exec.Cmd
	out *bufio.Reader
	log string
}

// Start runs the connector that the properties describe, with its files in dir.
// It ends with ctx. The jars come from Maven Central, some 50 MB, once; without
// java and mvn the error is local.ErrMissing.
func Start(ctx context.Context, dir string, properties map[string]string) (*Connector, error) {
	java, err := local.Java("debezium")
	if err != nil {
		return nil, err
	}
	jars, err := local.Jars(ctx, "debezium", Version, nil, artifacts...)
	if err != nil {
		return nil, err
	}
	source := filepath.Join(dir, "Reference.java")
	if err := os.WriteFile(source, program, 0o644); err != nil {
		return nil, fmt.Errorf("writing the program that runs the connector: %w", err)
	}
	all := filepath.Join(jars, "*")
	compiler := exec.CommandContext(ctx, java, "-cp", all, "org.eclipse.jdt.internal.compiler.batch.Main",
		"-17", "-proc:none", "-cp", strings.Join(glob(all), string(os.PathListSeparator)), "-d", dir, source)
	if out, err := compiler.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("compiling the program that runs the connector: %w: %s", err, out)
	}
	c := &Connector{log: filepath.Join(dir, "connector.log")}
	log, err := os.Create(c.log)
	if err != nil {
		return nil, fmt.Errorf("making the log of the connector: %w", err)
	}
	defer log.Close()
	c.cmd = exec.CommandContext(ctx, java, "-Xmx256m", "-XX:TieredStopAtLevel=1", "-Duser.timezone=UTC",
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", dir+string(os.PathListSeparator)+all, "Reference")
	c.cmd.Stdin = strings.NewReader(propertiesText(properties))
	c.cmd.Stderr = log
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("reading from the connector: %w", err)
	}
	c.out = bufio.NewReaderSize(out, 1<<20)
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the connector: %w", err)
	}
	return c, nil
}

// Next waits for the next record. When the connector has ended, the error holds
// what it said last.
func (c *Connector) Next() (*Record, error) {
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("it has ended")
		}
		return nil, fmt.Errorf("reading from the connector: %w: %s", err, c.Log())
	}
	r := &Record{}
	if err := json.Unmarshal(line, r); err != nil {
		return nil, fmt.Errorf("reading from the connector: %w", err)
	}
	return r, nil
}

// Log is what the connector has written to its log.
func (c *Connector) Log() string {
	b, err := os.ReadFile(c.log)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// Wait joins the process after its context has ended.
func (c *Connector) Wait() {
	_ = c.cmd.Wait() // killed, which is its error
}

func glob(pattern string) []string {
	names, _ := filepath.Glob(pattern) // the pattern is well formed
	return names
}

// propertiesText writes properties as Java reads them.
func propertiesText(properties map[string]string) string {
	var b strings.Builder
	escape := strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		fmt.Fprintf(&b, "%s=%s\n", name, escape.Replace(properties[name]))
	}
	return b.String()
}
