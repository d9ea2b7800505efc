package mysql

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/go-mysql-org/go-mysql/replication"
	"github.com/klauspost/compress/zstd"
)

// payload decompresses transactions, event by event.
type payload struct {
	zstd  *zstd.Decoder
	event []byte
}

// Fields of a payload's header, and ways of compression (MySQL source,
// Transaction_payload).
const (
	payloadEnd         = 0
	payloadSize        = 1
	payloadCompression = 2
	zstdCompression    = 0
	noCompression      = 255
)

// headerSize is of every event (MySQL source, LOG_EVENT_HEADER_LEN).
const headerSize = 19

// compressed reads the events inside one. They have no place of their own in the
// log; rows are counted through them as through others.
func (d *decoder) compressed(ctx context.Context, seconds uint32, b []byte) error {
	r := &reader{b: b}
	how, size := uint64(zstdCompression), uint64(len(b))
	for {
		field := r.packed()
		if field == payloadEnd || r.short {
			break
		}
		v := &reader{b: r.run()}
		switch field {
		case payloadSize:
			size = v.packed()
		case payloadCompression:
			how = v.packed()
		}
	}
	if r.short || size > uint64(len(r.b)) {
		return errShort
	}
	var events io.Reader = bytes.NewReader(r.b[:size])
	switch how {
	case noCompression:
	case zstdCompression:
		p := &d.payload
		if p.zstd == nil {
			var err error
			if p.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true)); err != nil {
				return err
			}
		}
		if err := p.zstd.Reset(events); err != nil {
			return fmt.Errorf("decompressing: %w", err)
		}
		events = p.zstd
	default:
		return fmt.Errorf("compression %d is unknown", how)
	}
	return d.inner(ctx, seconds, events)
}

// inner reads events without checksums.
func (d *decoder) inner(ctx context.Context, seconds uint32, events io.Reader) error {
	for {
		var h [headerSize]byte
		if _, err := io.ReadFull(events, h[:]); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("decompressing: %w", err)
		}
		n := int64(binary.LittleEndian.Uint32(h[9:])) - headerSize
		if n < 0 {
			return errShort
		}
		buf := bytes.NewBuffer(d.payload.event[:0])
		if m, err := io.CopyN(buf, events, n); err != nil || m < n {
			return fmt.Errorf("decompressing: %w", errors.Join(errShort, err))
		}
		if d.payload.event = buf.Bytes(); cap(d.payload.event) > 1<<20 {
			d.payload.event = nil
		}
		d.server = int64(binary.LittleEndian.Uint32(h[5:]))
		if err := d.body(ctx, replication.EventType(h[4]), seconds, d.hand.first, buf.Bytes()); err != nil {
			return err
		}
	}
}
