package avro

import (
	"fmt"

	"sluice/schemas"
)

// Error says that a row does not fit its schema, or that bytes do not. It is
// about one record: park that one and go on with the next.
type Error struct {
	// Record is the table's full name or the schema's record name.
	Record string
	// Field is the column, or the path to it ("after.email").
	Field string
	// Offset is where in the Avro bytes reading stopped; -1 while writing.
	Offset int
	// What is wrong, in plain words.
	What string
}

// Error is one line.
func (e *Error) Error() string {
	s := e.Record
	if e.Field != "" {
		s += ": field " + e.Field
	}
	if e.Offset >= 0 {
		s += fmt.Sprintf(": byte %d of the Avro data", e.Offset)
	}
	return s + ": " + e.What
}

// fault is an error of a Table or a schema text: nothing of it can be written
// or read until a person mends it.
func fault(where, cure, format string, args ...any) error {
	return &schemas.Fault{Where: where, What: fmt.Sprintf(format, args...), Cure: cure}
}
