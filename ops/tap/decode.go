package tap

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"sync"
	"unicode/utf8"

	"sluice/schemas/registry"
)

// Decoder turns the bytes of keys and values into JSON. It is safe for
// concurrent use.
type Decoder struct {
	registry *registry.Client

	mu    sync.Mutex
	known map[int]*codec
}

// NewDecoder returns a decoder by the schemas of the registry.
func NewDecoder(reg *registry.Client) *Decoder {
	return &Decoder{registry: reg, known: map[int]*codec{}}
}

// Value returns a record's value as JSON: null for a tombstone, the decoded
// record where a schema is named, the JSON itself where it is JSON, else a
// text. Bytes that are none of these become {"undecoded": base64, "error": why}.
func (d *Decoder) Value(ctx context.Context, data []byte) json.RawMessage {
	return d.decode(ctx, data, true)
}

// Key returns a record's key as JSON. A key without a schema is a text, even
// if it looks like a number.
func (d *Decoder) Key(ctx context.Context, data []byte) json.RawMessage {
	return d.decode(ctx, data, false)
}

func (d *Decoder) decode(ctx context.Context, data []byte, embed bool) json.RawMessage {
	switch {
	case data == nil:
		return json.RawMessage("null")
	case len(data) >= 5 && data[0] == 0:
		out, err := d.avro(ctx, data)
		if err != nil {
			return undecoded(data, err)
		}
		return out
	case embed && json.Valid(data):
		return data
	case utf8.Valid(data):
		return quote(string(data))
	default:
		return undecoded(data, fmt.Errorf("neither Avro with a schema's id nor text"))
	}
}

func (d *Decoder) avro(ctx context.Context, data []byte) (json.RawMessage, error) {
	id, rest, err := registry.SplitHeader(data)
	if err != nil {
		return nil, err
	}
	c, err := d.codec(ctx, id)
	if err != nil {
		return nil, err
	}
	return c.decode(rest)
}

func (d *Decoder) codec(ctx context.Context, id int) (*codec, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if c := d.known[id]; c != nil {
		return c, nil
	}
	schema, err := d.registry.Schema(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("fetching schema %d: %w", id, err)
	}
	c, err := newCodec(schema)
	if err != nil {
		return nil, fmt.Errorf("reading schema %d: %w", id, err)
	}
	d.known[id] = c
	return c, nil
}

func undecoded(data []byte, err error) json.RawMessage {
	out, _ := json.Marshal(struct { // two texts: it cannot fail
		Undecoded string `json:"undecoded"`
		Error     string `json:"error"`
	}{base64.StdEncoding.EncodeToString(data), err.Error()})
	return out
}

// quote returns s as a JSON string that keeps <, > and & readable.
func quote(s string) json.RawMessage { return appendText(nil, s) }
