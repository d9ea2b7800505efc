package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"syscall"

	"sluice/ops/config"
	"sluice/ops/local"
	"sluice/schemas"
	"sluice/stream/kafka"
)

// embed starts the embedded broker and registry and makes the configuration
// point to them. stop ends both; call it after the engines have drained.
func embed(ctx context.Context, f *config.File, dir string, log *slog.Logger) (stop func(), err error) {
	if len(f.Kafka.Brokers) > 0 {
		return nil, usage(f.Locate("kafka.brokers", &schemas.Fault{
			What: "is set, so an embedded broker would not be used", Cure: "take it out, or leave out --embedded",
		}))
	}
	broker, err := startBroker(ctx, dir, "", log)
	if err != nil {
		return nil, err
	}
	f.Kafka.Brokers = []string{broker.Addr()}
	f.Kafka.Defaults()
	reg, err := local.StartRegistry(ctx, f.Kafka, "127.0.0.1:0")
	if err != nil {
		broker.Close()
		return nil, fmt.Errorf("starting the embedded schema registry: %w", err)
	}
	f.Registry.URL = reg.URL()
	log.Info("serving an embedded Kafka and schema registry", "kafka", broker.Addr(), "registry", reg.URL(), "dir", dir)
	return func() {
		reg.Close()
		broker.Close()
	}, nil
}

func startBroker(ctx context.Context, dir, addr string, log *slog.Logger) (*local.Broker, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, &schemas.Fault{Where: dir, What: "the broker's directory cannot be made", Err: err, Cure: "name another"}
	}
	b, err := local.StartBroker(ctx, local.BrokerOptions{Dir: dir, Addr: addr, Log: log})
	if err != nil {
		return nil, occupied("--listen", err)
	}
	return b, nil
}

// occupied adds the cure where the address is taken.
func occupied(flag string, err error) error {
	if !errors.Is(err, syscall.EADDRINUSE) {
		return err
	}
	return &schemas.Fault{Err: err, Cure: "choose another address with " + flag + ", or end the process that has it"}
}

type brokerCmd struct {
	Dir      string `required:"" placeholder:"DIR" type:"path" help:"Where the records are kept; made if missing."`
	Listen   string `default:"127.0.0.1:9092" placeholder:"ADDR" help:"Where Kafka listens."`
	Registry string `default:"127.0.0.1:8081" placeholder:"ADDR" help:"Where the schema registry listens; \"off\" for none."`
}

// Help teaches the verb.
func (brokerCmd) Help() string {
	return `Example:

	sluice broker --dir ./kafka &
	sluice run

One broker, in this process, for trying things out and for tests: it survives kill -9, but not the loss of the disk, and serves whoever reaches its address. In production use Apache Kafka and a schema registry.`
}

// Run runs the verb.
func (c *brokerCmd) Run(s *session) error {
	log := s.log()
	broker, err := startBroker(s.ctx, c.Dir, c.Listen, log)
	if err != nil {
		return err
	}
	defer broker.Close()
	log.Info("serving Kafka", "listen", broker.Addr(), "dir", c.Dir)
	if c.Registry != "off" {
		kc := kafka.Config{Brokers: []string{broker.Addr()}}
		kc.Defaults()
		reg, err := local.StartRegistry(s.ctx, kc, c.Registry)
		if err != nil {
			return occupied("--registry", err)
		}
		defer reg.Close()
		log.Info("serving the schema registry", "url", reg.URL())
	}
	<-s.ctx.Done()
	return nil
}
