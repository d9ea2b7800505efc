package cases

import (
	"context"
	"fmt"

	"sluice/schemas"
	"sluice/schemas/avro"
)

// Registry is what is asked for a subject's newest schema.
type Registry interface {
	Latest(ctx context.Context, subject string) (string, error)
}

// FromRegistry is the table of a raw topic as its newest schemas tell.
func FromRegistry(ctx context.Context, r Registry, topic string) (*schemas.Table, error) {
	text, err := r.Latest(ctx, topic+"-value")
	if err != nil {
		return nil, err
	}
	envelope, err := avro.ParseEnvelope(text)
	if err != nil {
		return nil, err
	}
	text, err = r.Latest(ctx, topic+"-key")
	if err != nil {
		return nil, err
	}
	key, err := avro.ParseRecord(text)
	if err != nil {
		return nil, err
	}
	t := *envelope.Table
	t.Key = nil
	for _, c := range key.Table.Columns {
		i := t.Column(c.Name)
		if i < 0 {
			return nil, fmt.Errorf("the key of %s has the column %s, which its value lacks", topic, c.Name)
		}
		t.Key = append(t.Key, i)
	}
	return &t, nil
}
