package sinktest

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"testing"

	"sluice/schemas"
	"sluice/sinks"
)

// Harness is a sink and its target, as the suite sees them.
type Harness struct {
	Sink sinks.Sink
	// Get returns the version that the target has of the key.
	Get func(key string) (version int64, ok bool)
	// History returns the versions of the key that the target applied, in
	// their order, and Deleted for a deletion. Nil: the target cannot tell.
	History func(key string) []int64
	// LoseAnswer makes the target apply the next n writes and lose their
	// answers. Nil: it cannot happen to this target.
	LoseAnswer func(n int)
	// Refuse makes the target refuse the key for good, as it would a record
	// that breaks a rule of its own; false takes it again.
	Refuse func(key string, on bool)
	// Down begins or ends an outage of the target.
	Down func(on bool)
	// Forbid makes the target refuse the credentials, or its like that a
	// person must mend. Nil: it cannot happen to this target.
	Forbid func(on bool)
}

// Table is of the rows that the suite writes: id, the key; version; name; amount,
// a decimal(14,2); note, which may be null.
var Table = &schemas.Table{
	Schema: "entity", Name: "thing",
	Columns: []schemas.Column{
		{Name: "id", Type: schemas.Type{Name: schemas.StringType}},
		{Name: "version", Type: schemas.Type{Name: schemas.Int64Type}},
		{Name: "name", Type: schemas.Type{Name: schemas.StringType}},
		{Name: "amount", Type: schemas.Type{Name: schemas.DecimalType, Precision: 14, Scale: 2}},
		{Name: "note", Type: schemas.Type{Name: schemas.StringType}, Optional: true},
	},
	Key: []int{0},
}

// State is the delivery of one version of a key.
func State(key string, version int64) *sinks.Delivery {
	d := Deletion(key, version)
	d.Row = schemas.Row{
		schemas.TextOf([]byte(key)), schemas.IntOf(version), schemas.TextOf([]byte("Ægir \"& Søn\"\n")),
		schemas.DecimalOf([]byte{0x01, 0xe2, 0x40}, 2),
		{},
	}
	return d
}

// Deletion is the delivery of the deletion of a key, after the version.
func Deletion(key string, version int64) *sinks.Delivery {
	position := fmt.Sprintf("0/%X", version)
	sum := sha256.Sum256([]byte(key + "\x00" + position))
	return &sinks.Delivery{
		Topic: "entity.thing", Partition: 0, Offset: version, Key: []byte(key), Table: Table,
		Position: position, Source: "erp.public.things", Rules: "1-00000000", Time: "2024-05-06T07:08:09.000001Z",
		IdempotencyKey: base64.RawURLEncoding.EncodeToString(sum[:])[:32], Attempt: 1,
	}
}

func (h *Harness) mustHave(t testing.TB, key string, version int64) {
	t.Helper()
	if got, ok := h.Get(key); !ok || got != version {
		t.Errorf("the target has version %d of %q (there: %v), want %d", got, key, ok, version)
	}
}
