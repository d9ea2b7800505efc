package avro

import (
	"testing"

	"github.com/linkedin/goavro/v2"

	"sluice/schemas"
)

func BenchmarkRowAppend(b *testing.B) {
	r, row := flat(b, customers()), customerRow()
	dst := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if dst, err = r.Append(dst[:0], row); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(dst)))
}

// BenchmarkRowByHand is the floor: code written for exactly this table.
func BenchmarkRowByHand(b *testing.B) {
	row := customerRow()
	dst := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		dst = appendByHand(dst[:0], row)
	}
	b.SetBytes(int64(len(dst)))
}

func appendByHand(dst []byte, row schemas.Row) []byte {
	dst = appendLong(dst, row[0].Int())
	dst = appendBytes(dst, row[1].Bytes)
	dst = appendBytes(append(dst, 2), row[2].Bytes)
	dst = appendBytes(append(dst, 2), row[3].Bytes)
	dst = append(dst, 1)
	dst = appendLong(dst, row[5].Int())
	return appendBytes(append(dst, 2), row[6].Bytes)
}

func BenchmarkRowDecode(b *testing.B) {
	r := flat(b, customers())
	data, err := r.Append(nil, customerRow())
	if err != nil {
		b.Fatal(err)
	}
	var a schemas.Arena
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		a.Reset()
		if _, err := r.Decode(data, &a); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEnvelopeAppend(b *testing.B) {
	e := compiled(b, customers(), Options{})
	c := &schemas.Change{Op: schemas.Create, After: customerRow(), Source: sourceRow("customers")}
	dst := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if dst, err = e.AppendValue(dst[:0], c, processed); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(dst)))
}

func BenchmarkKeyAppend(b *testing.B) {
	e, row := compiled(b, customers(), Options{}), customerRow()
	dst := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if dst, err = e.AppendKey(dst[:0], row); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEnvelopeDecode(b *testing.B) {
	schema, data := benchEnvelope(b)
	d, err := ParseEnvelope(schema)
	if err != nil {
		b.Fatal(err)
	}
	var a schemas.Arena
	var c schemas.Change
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		a.Reset()
		if err := d.Decode(data, &a, &c); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGoavroEnvelopeAppend(b *testing.B) {
	schema, data := benchEnvelope(b)
	codec, err := goavro.NewCodec(schema)
	if err != nil {
		b.Fatal(err)
	}
	native, _, err := codec.NativeFromBinary(data)
	if err != nil {
		b.Fatal(err)
	}
	dst := make([]byte, 0, 1024)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if dst, err = codec.BinaryFromNative(dst[:0], native); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGoavroEnvelopeDecode(b *testing.B) {
	schema, data := benchEnvelope(b)
	codec, err := goavro.NewCodec(schema)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err = codec.NativeFromBinary(data); err != nil {
			b.Fatal(err)
		}
	}
}

func benchEnvelope(b *testing.B) (schema string, data []byte) {
	b.Helper()
	e := compiled(b, customers(), Options{})
	c := &schemas.Change{Op: schemas.Create, After: customerRow(), Source: sourceRow("customers")}
	data, err := e.AppendValue(nil, c, processed)
	if err != nil {
		b.Fatal(err)
	}
	return e.ValueSchema, data
}
