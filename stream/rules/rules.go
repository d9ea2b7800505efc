package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sluice/schemas"
	"sluice/stream"
)

// Reasons that Rules gives for filtering and parking.
const (
	ReasonTombstone  = "tombstone"
	ReasonMessage    = "message"
	ReasonWhen       = "when"
	ReasonTruncate   = "truncate"
	ReasonRequired   = "required"
	ReasonType       = "type"
	ReasonExpression = "expression"
	ReasonKey        = "key"
	// ReasonValidation: the record breaks a rule of validate.
	ReasonValidation     = "validation"
	ReasonUnchangedToast = "unchanged_toast"
	// ReasonNoMapping: a replayed record of a topic that the entity is no
	// longer made from.
	ReasonNoMapping = "no_mapping"
	// ReasonSchema: a replayed record whose schema the rules do not fit. A
	// record of the topic itself stops the stream instead.
	ReasonSchema = "schema"
)

// Rules is a stream.Processor that makes one entity. It is for one goroutine.
// The rows of its outputs live until the next call of Process.
type Rules struct {
	name     string
	table    *schemas.Table
	version  []byte
	mappings map[string]*mapping
	topics   []string
	env      *dialect
	// checks are the rules of validate.
	checks []validation
	fields activation

	topic    string
	governed bool
	told     told
	// contributes says that the outputs are contributions to golden records.
	contributes bool
	arena       schemas.Arena
	headers     []stream.Header
}

// mapping is one Mapping with its sources parsed.
type mapping struct {
	topic     []byte
	at        string
	key, when *source
	// set has one source a column of the entity's table; nil: never set.
	set      []*source
	bindings map[*schemas.Table]*binding
}

// Compile checks the declaration and parses its expressions. What it cannot
// check without the columns (their names and types) CompileAgainst and the first
// record of each schema do. The error joins *schemas.Faults, one for each thing
// to mend, with paths such as "from[0].set.segment".
func Compile(name string, e Entity) (*Rules, error) {
	if err := e.Validate(); err != nil {
		return nil, err
	}
	tables, sums, err := e.readLookups()
	if err != nil {
		return nil, err
	}
	env, err := baseEnv(tables)
	if err != nil {
		return nil, fmt.Errorf("setting up expressions: %w", err)
	}
	r := &Rules{
		name:     name,
		table:    e.Table(name),
		version:  []byte(e.version(sums)),
		mappings: map[string]*mapping{},
		env:      env,
		topic:    "entity." + name,
		governed: e.Governed,
	}
	faults := r.compileValidations(&e)
	for i := range e.From {
		from := &e.From[i]
		m := &mapping{
			topic: []byte(from.Topic), at: fmt.Sprintf("from[%d]", i),
			set: make([]*source, len(r.table.Columns)), bindings: map[*schemas.Table]*binding{},
		}
		read := func(into **source, where, text string) {
			s, err := parse(env, where, text)
			if err != nil {
				faults = append(faults, err)
				return
			}
			*into = s
		}
		read(&m.key, m.at+".key", from.Key)
		if strings.TrimSpace(from.When) != "" {
			read(&m.when, m.at+".when", from.When)
		}
		for c := range r.table.Columns {
			if text, ok := from.Set[r.table.Columns[c].Name]; ok {
				read(&m.set[c], m.at+".set."+r.table.Columns[c].Name, text)
			}
		}
		r.mappings[from.Topic] = m
		r.topics = append(r.topics, from.Topic)
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return r, nil
}

// Topics are the raw topics that the entity is made from, in declared order.
func (r *Rules) Topics() []string { return r.topics }

// Table describes the entity's records.
func (r *Rules) Table() *schemas.Table { return r.table }

// Version is what the header sluice.rules says: the declared version and eight
// hexadecimal digits of the declaration's hash.
func (r *Rules) Version() string { return string(r.version) }

// CompileAgainst checks the rules of a raw topic against the table behind it,
// whose Key must be set. The error joins *schemas.Faults.
func (r *Rules) CompileAgainst(topic string, t *schemas.Table) error {
	m, ok := r.mappings[topic]
	if !ok {
		return &schemas.Fault{Where: "from", What: "no mapping of " + topic, Cure: "there are: " + strings.Join(r.topics, ", ")}
	}
	return r.bind(m, t).err
}

// version hashes the canonical form of what decides the output: JSON with
// sorted keys, without the texts for readers.
// The files of lookups count by what is in them.
func (e *Entity) version(sums map[string]string) string {
	canonical := Entity{Version: e.Version, Fields: maps.Clone(e.Fields), From: slices.Clone(e.From), Checks: withoutMessages(e.Checks)}
	for name, f := range canonical.Fields {
		f.Doc, f.Checks = "", withoutMessages(f.Checks)
		canonical.Fields[name] = f
	}
	for name, l := range e.Lookups {
		if canonical.Lookups == nil {
			canonical.Lookups = map[string]Lookup{}
		}
		l.File = sums[name]
		canonical.Lookups[name] = l
	}
	text, err := json.Marshal(canonical)
	if err != nil {
		panic(err) // strings, numbers and maps of them always have a JSON form
	}
	sum := sha256.Sum256(text)
	return fmt.Sprintf("%d-%s", e.Version, hex.EncodeToString(sum[:4]))
}
