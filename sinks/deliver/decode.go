package deliver

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"sluice/schemas"
	"sluice/schemas/avro"
	"sluice/schemas/registry"
	"sluice/sinks"
)

// schemaTimeout bounds one try to fetch a schema, so that a registry that is
// away does not hold the places of the pool for long.
const schemaTimeout = 10 * time.Second

// undecodable is a value that no later try can decode.
type undecodable struct{ err error }

func (u *undecodable) Error() string { return u.err.Error() }
func (u *undecodable) Unwrap() error { return u.err }

// schemaSource is what the decoder needs of the registry.
type schemaSource interface {
	Schema(ctx context.Context, id int) (string, error)
}

// decoder turns values into rows; each schema is compiled once.
type decoder struct {
	schemas schemaSource
	arenas  sync.Pool
	mu      sync.Mutex
	byID    map[int]*record
}

func newDecoder(s schemaSource) *decoder {
	return &decoder{
		schemas: s, byID: map[int]*record{},
		arenas: sync.Pool{New: func() any { return &schemas.Arena{} }},
	}
}

// decode returns a row that owns its memory. *undecodable: the value is at
// fault; any other error: the registry is, and *sinks.Error if a person must
// mend it.
func (d *decoder) decode(ctx context.Context, value []byte) (*schemas.Table, schemas.Row, error) {
	id, body, err := registry.SplitHeader(value)
	if err != nil {
		return nil, nil, &undecodable{err}
	}
	rec, err := d.record(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	a := d.arenas.Get().(*schemas.Arena)
	defer func() {
		a.Reset()
		d.arenas.Put(a)
	}()
	row, err := rec.Decode(body, a)
	if err != nil {
		return nil, nil, &undecodable{fmt.Errorf("decoding by schema %d: %w", id, err)}
	}
	// Where the values of a golden record came from is for people.
	return rec.fields, row[:len(rec.fields.Columns)].Clone(), nil
}

// record is a schema of entities, compiled.
type record struct {
	*avro.Record
	fields *schemas.Table
}

func (d *decoder) record(ctx context.Context, id int) (*record, error) {
	d.mu.Lock()
	known := d.byID[id]
	d.mu.Unlock()
	if known != nil {
		return known, nil
	}
	ctx, cancel := context.WithTimeout(ctx, schemaTimeout)
	defer cancel()
	text, err := d.schemas.Schema(ctx, id)
	if err != nil {
		return nil, registryError(id, err)
	}
	rec, err := avro.ParseRecord(text)
	if err != nil {
		return nil, &undecodable{fmt.Errorf("compiling schema %d: %w", id, err)}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.byID[id] = &record{rec, rec.Table.Fields()}
	return d.byID[id], nil
}

// registryError sorts an error of the registry: an id that it does not know is
// the record's fault, refused credentials are for a person to mend, and all
// else may pass.
func registryError(id int, err error) error {
	var answer *sr.ResponseError
	if !errors.Is(err, registry.ErrRefused) || !errors.As(err, &answer) {
		return fmt.Errorf("fetching schema %d: %w", id, err)
	}
	switch {
	case answer.StatusCode == http.StatusNotFound && answer.ErrorCode >= 40400:
		return &undecodable{err}
	case answer.StatusCode == http.StatusUnauthorized, answer.StatusCode == http.StatusForbidden:
		return &sinks.Error{Class: sinks.Stop, Err: err}
	}
	return fmt.Errorf("fetching schema %d: %w", id, err)
}

// decode decodes the task's record into its delivery.
func (d *Deliver) decode(ctx context.Context, t *task) error {
	r := t.record
	if len(r.Key) == 0 {
		return &undecodable{errors.New("the record has no key")}
	}
	del := &sinks.Delivery{
		Key:      r.Key,
		Position: t.header(schemas.HeaderPosition),
		Source:   t.header(schemas.HeaderSource),
		Rules:    t.header(schemas.HeaderRules),
		Time:     t.header(schemas.HeaderTime),
	}
	del.Topic, del.Partition, del.Offset = t.origin(d.home)
	if r.Value != nil {
		table, row, err := d.decoder.decode(ctx, r.Value)
		if err != nil {
			return err
		}
		if row == nil {
			row = schemas.Row{} // nil would be a deletion
		}
		del.Table, del.Row = table, row
	}
	if del.Topic == d.retry {
		if del.Table == nil || !d.reads(entityPrefix+del.Table.Name) {
			return &undecodable{fmt.Errorf("the record in %s says neither by the header %s nor by its schema which entity it is",
				d.retry, schemas.HeaderDLQTopic)}
		}
		del.Topic = entityPrefix + del.Table.Name
	}
	del.IdempotencyKey = idempotencyKey(d.name, del)
	t.delivery = del
	return nil
}

// idempotencyKey names a delivery: base64url(SHA-256(sink, topic, key,
// position, rules)), the parts ended by NUL but for the last, cut to 32
// characters. A record without a position is told apart by where it was read.
func idempotencyKey(sink string, d *sinks.Delivery) string {
	position := d.Position
	if position == "" {
		position = fmt.Sprintf("%d/%d", d.Partition, d.Offset)
	}
	h := sha256.New()
	for _, part := range []string{sink, d.Topic, string(d.Key), position} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	h.Write([]byte(d.Rules))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))[:32]
}

// entity is the entity's name, or the topic's where that is no entity topic.
func entity(topic string) string { return strings.TrimPrefix(topic, entityPrefix) }
