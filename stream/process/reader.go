package process

import (
	"context"
	"errors"

	"sluice/schemas"
	"sluice/schemas/registry"
	"sluice/stream"
)

// Decoder decodes raw records outside of an engine, exactly as one does.
type Decoder struct {
	decoder *decoder
	arena   schemas.Arena
}

// NewDecoder returns a decoder by the schemas of the registry.
func NewDecoder(r *registry.Client) *Decoder { return &Decoder{decoder: newDecoder(r, false)} }

// Decode fills it.Change, whose values live until the next call. A record that
// is no envelope is parked; an error is the registry's.
func (d *Decoder) Decode(ctx context.Context, it *stream.Item) error {
	d.arena.Reset()
	err := d.decoder.decode(ctx, it, &d.arena)
	var wrong undecodable
	if errors.As(err, &wrong) {
		it.Park(reasonUndecodable, err)
		return nil
	}
	return err
}
