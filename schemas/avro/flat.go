package avro

import "sluice/schemas"

// connectVersion is that of Debezium's own records.
const connectVersion = 1

// compileFlat compiles the encoder of records that have no envelope. Nothing
// may be missing from them: a source makes them itself.
func compileFlat(t *schemas.Table, o Options) (*Envelope, error) {
	if t.ValueName == "" || t.Topic == "" || len(t.Key) > 0 && t.KeyName == "" {
		return nil, fault(t.FullName(), "", "a flat table without the names of its records or its topic")
	}
	e := &Envelope{table: t, keyAt: t.Key}
	columns := all(t)
	if t.KeyOnly {
		for i, at := range t.Key {
			if at != i || len(t.Key) == len(columns) {
				return nil, fault(t.FullName(), "", "a flat table whose key columns do not come first, or that has no others")
			}
		}
		e.skip = len(t.Key)
		columns = columns[e.skip:]
	}
	value, err := compileRows(&e.row, t, columns, strict,
		profile{logical: o.LogicalTypes, record: fullName(t.ValueName), names: map[string]*node{}})
	if err != nil {
		return nil, err
	}
	value.connectName, value.version = value.name, connectVersion
	e.ValueSchema = value.text()
	return e, e.compileKey(fullName(t.KeyName), connectVersion, o)
}
