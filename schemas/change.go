package schemas

// Op is what happened to a row, by the letter of the envelope.
type Op byte

// The operations of the envelope.
const (
	Create   Op = 'c'
	Update   Op = 'u'
	Delete   Op = 'd'
	Read     Op = 'r' // read by a snapshot
	Truncate Op = 't'
	Message  Op = 'm'
)

// String is the letter that the envelope carries.
func (o Op) String() string { return string(rune(o)) }

// Change is one event of a source's log or one row of a snapshot.
type Change struct {
	Op    Op
	Table *Table
	// Before and After are rows of Table; nil where the event has no such
	// image. A delete has at least the key columns in Before; the rest may be
	// Absent.
	Before, After Row
	// Source is a row of Table.Source.
	Source Row
	// OtherKey is set on the two halves of a primary-key change: on the delete
	// the new key, on the create the old one; a row of the key columns alone.
	OtherKey Row
	// Transaction is the change's place in its transaction; the zero value where
	// the capture does not tell.
	Transaction TransactionPlace
	// ID names the event: unique within its capture, the same whenever the
	// event is read again, printable ASCII. It travels in HeaderPosition.
	ID []byte
}

// TransactionPlace is the envelope's transaction block.
type TransactionPlace struct {
	// ID names the transaction, UTF-8; empty: there is no such block.
	ID []byte
	// Total is the change's number among all of the transaction, Collection that
	// among those of its table; both count from 1.
	Total, Collection int64
}

// KeyRow returns the image that holds the key: After, or Before for a delete.
func (c *Change) KeyRow() Row {
	if c.After != nil {
		return c.After
	}
	return c.Before
}

// Kafka record headers of sluice. Each is UTF-8 text.
const (
	// HeaderPosition carries Change.ID from the raw topic to the sinks.
	HeaderPosition = "sluice.position"
	// HeaderSource is the raw topic that an entity record was made from.
	HeaderSource = "sluice.source"
	// HeaderRules is "<declared version>-<content hash>" of the rules that
	// made an entity record.
	HeaderRules = "sluice.rules"
	// HeaderTime is the source's commit time, RFC 3339 with microseconds.
	HeaderTime = "sluice.time"
)

// Headers and text that Debezium's consumers know.
const (
	HeaderNewKey = "__debezium.newkey"
	HeaderOldKey = "__debezium.oldkey"
	// UnavailableValue stands in a text column for Unchanged.
	UnavailableValue = "__debezium_unavailable_value"
)
