package run

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/capture"
	"sluice/capture/pump"
	"sluice/ops/config"
	"sluice/schemas"
)

// kafkaPatience is how long a diagnosis waits for Kafka: it says something
// without it, too.
const kafkaPatience = 5 * time.Second

// Diagnose looks at what the capture reads, beside the position that Kafka has
// of it. admin is a connection string to look with, or empty. A Kafka that does
// not answer is a finding.
func Diagnose(ctx context.Context, f *config.File, name, admin string, log *slog.Logger) ([]capture.Finding, error) {
	src, err := source(name, f.Captures[name], log)
	if err != nil {
		return nil, err
	}
	d, ok := src.(capture.Doctor)
	if !ok {
		return nil, unable(name, "be diagnosed")
	}
	at, err := savedPosition(ctx, f, name, log)
	kafka := capture.Finding{Check: "kafka", Level: capture.Fine, Says: "answers, and has a position of the capture"}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		kafka.Level, kafka.Says, kafka.Cure = capture.Warning, "the saved position cannot be read: "+f.Place(err).Error(), "look again when Kafka answers"
	case at.IsZero():
		kafka.Says = "answers, and has no position of the capture: it begins with a snapshot"
	}
	found, err := d.Diagnose(ctx, at, admin)
	return append([]capture.Finding{kafka}, found...), err
}

// Grants returns the statements that give the capture's role its rights.
func Grants(ctx context.Context, f *config.File, name, admin string, log *slog.Logger) (string, error) {
	src, err := source(name, f.Captures[name], log)
	if err != nil {
		return "", err
	}
	g, ok := src.(capture.Granter)
	if !ok {
		return "", unable(name, "say which rights it needs")
	}
	text, err := g.Grants(ctx, admin)
	return text, f.Place(err)
}

// CaptureNames are those captures of the file that are named, or all.
func CaptureNames(f *config.File, names []string) ([]string, error) {
	return selectNames(f.Captures, names, "captures")
}

func unable(name, what string) error {
	return &schemas.Fault{Where: "captures." + name, What: "has a kind that cannot " + what, Cure: "see the kinds that this version has with: sluice check --schema"}
}

// savedPosition is what Kafka has of the capture; zero if it has none.
func savedPosition(ctx context.Context, f *config.File, name string, log *slog.Logger) (schemas.Position, error) {
	ctx, cancel := context.WithTimeout(ctx, kafkaPatience)
	defer cancel()
	if err := AskKafka(ctx, f.Kafka); err != nil {
		return "", err
	}
	var last []byte
	err := f.Kafka.ReadToEnd(ctx, log, func(r *kgo.Record) error {
		if string(r.Key) == name {
			last = r.Value
		}
		return nil
	}, pump.PositionsTopic)
	if err != nil || last == nil {
		return "", err
	}
	var v struct {
		Position json.RawMessage `json:"position"`
	}
	if err := json.Unmarshal(last, &v); err != nil {
		return "", fmt.Errorf("reading the saved position of capture %s: %w", name, err)
	}
	if string(v.Position) == "null" {
		return "", nil
	}
	return schemas.Position(v.Position), nil
}
