package loop

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"strconv"
)

// Store evaluates scripts in Redis.
type Store interface {
	// Eval evaluates the calls in one round trip, to each node where there are
	// several, and returns what each gave, in order. Those of one key run in
	// order. An error is about all of them; a part may have run.
	Eval(ctx context.Context, calls []Call) ([]any, error)
}

// Call is one run of a script, on one key.
type Call struct {
	Script *Script
	Key    string
	Args   []any
}

// Script is a Lua script and its name in Redis.
type Script struct{ Source, SHA string }

func newScript(source string) *Script {
	s := sha1.Sum([]byte(source)) // Redis names scripts by it
	return &Script{source, hex.EncodeToString(s[:])}
}

// address is the key in Redis of what is remembered of one record of one target:
//
//	sluice:loop:{crm/customer/key/4711}
//
// kind says what names the record. What is in braces is the cluster's hash tag.
func address(sink, entity, kind, name string) string {
	if len(name) > 128 {
		name = sum([]byte(name))
	}
	return "sluice:loop:{" + sink + "/" + entity + "/" + kind + "/" + name + "}"
}

// Kinds of addresses.
const (
	byKey     = "key"     // the entity's key, which the target keeps
	byID      = "id"      // the target's own id
	byContent = "content" // a record whose id is not known before it is created
	byRecord  = "record"  // a raw record of a watched topic
	idOf      = "id-of"   // holds the target's id of an entity's key
	lostOf    = "lost-of" // holds when records of the entity were gone without their names
)

func number(n int64) string { return strconv.FormatInt(n, 10) }
