package registry

import "errors"

// ErrHeader says that a record does not begin with the wire header of
// Confluent: it was not written with a schema of the registry, and no retry will
// change that.
var ErrHeader = errors.New("no header of a schema registry")

// ErrRefused is wrapped by every *schemas.Fault that the registry's answer is
// the cause of: the same request will be refused again until a person acts.
var ErrRefused = errors.New("refused by the schema registry")

// ErrIncompatible is wrapped by the *schemas.Fault about a schema that breaks the
// compatibility of its subject. It is an ErrRefused too.
var ErrIncompatible = errors.New("incompatible with the subject's earlier schemas")

// ErrUnknownSchema is wrapped by the *schemas.Fault about an id that the registry
// does not have: the record was written with another registry, or is damaged.
var ErrUnknownSchema = errors.New("unknown schema id")
