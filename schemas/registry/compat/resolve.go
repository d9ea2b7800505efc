package compat

import (
	"fmt"
	"slices"
	"strings"
)

// Reason says why a reader cannot read what a writer wrote. The texts are those
// that the REST API of a schema registry uses.
type Reason string

// The reasons.
const (
	TypeMismatch       Reason = "TYPE_MISMATCH"
	NameMismatch       Reason = "NAME_MISMATCH"
	MissingDefault     Reason = "READER_FIELD_MISSING_DEFAULT_VALUE"
	MissingEnumSymbols Reason = "MISSING_ENUM_SYMBOLS"
	MissingUnionBranch Reason = "MISSING_UNION_BRANCH"
	FixedSizeMismatch  Reason = "FIXED_SIZE_MISMATCH"
	DecimalMismatch    Reason = "DECIMAL_MISMATCH"
)

// Problem is one place at which a reader cannot read.
type Problem struct {
	Reason Reason
	// Path is the field in the reader's schema: "address.street", with [] for
	// the items of an array and {} for the values of a map. Empty: the schema
	// itself.
	Path string
	// Reader and Writer are what each has at that place, in words; Writer is
	// empty where it has nothing.
	Reader, Writer string
}

// Read resolves reader against writer and returns every place at which data of
// the writer cannot be read; none: all of it can.
//
// It follows the Avro specification 1.12, "Schema Resolution", with the usual
// reading for schemas without data at hand: every branch of a writer's union
// and every symbol of a writer's enum may occur. Names are compared without
// their namespace, a reader's aliases count. Of two decimals the scales must be
// equal and the reader's precision no smaller: the specification asks for equal
// precisions too, but more digits lose nothing, and another scale changes every
// number silently.
//
// A pair of named types that occurs at several places is reported at the first.
func Read(reader, writer *Schema) []Problem {
	r := resolver{seen: make(map[pair]bool)}
	r.resolve(reader, writer, "")
	return r.problems
}

type pair struct{ reader, writer *Schema }

type resolver struct {
	seen     map[pair]bool // also breaks the circle of recursive types
	problems []Problem
}

func (r *resolver) add(reason Reason, path, reader, writer string) {
	r.problems = append(r.problems, Problem{Reason: reason, Path: path, Reader: reader, Writer: writer})
}

func (r *resolver) resolve(reader, writer *Schema, path string) {
	if r.seen[pair{reader, writer}] {
		return
	}
	r.seen[pair{reader, writer}] = true

	switch {
	case writer.Kind == Union:
		for _, b := range writer.Branches {
			r.resolve(reader, b, path)
		}
	case reader.Kind == Union:
		r.branch(reader, writer, path)
	case reader.Kind != writer.Kind:
		if !slices.Contains(promotions[writer.Kind], reader.Kind) {
			r.add(TypeMismatch, path, reader.String(), writer.String())
		}
		r.decimals(reader, writer, path)
	default:
		r.same(reader, writer, path)
	}
}

// promotions are the types as which data of the key's type may be read.
var promotions = map[Kind][]Kind{
	"int":   {"long", "float", "double"},
	"long":  {"float", "double"},
	"float": {"double"},
	String:  {Bytes},
	Bytes:   {String},
}

// branch reads into a union: the branch of the writer's type takes the data,
// else one to which it may be promoted.
func (r *resolver) branch(reader, writer *Schema, path string) {
	for _, match := range []func(b *Schema) bool{
		func(b *Schema) bool { return b.Kind == writer.Kind && b.Name == writer.Name },
		func(b *Schema) bool { return b.Kind == writer.Kind && sameName(b, writer) },
		func(b *Schema) bool { return slices.Contains(promotions[writer.Kind], b.Kind) },
	} {
		if i := slices.IndexFunc(reader.Branches, match); i >= 0 {
			r.resolve(reader.Branches[i], writer, path)
			return
		}
	}
	r.add(MissingUnionBranch, path, reader.String(), writer.String())
}

// same resolves two schemas of one type.
func (r *resolver) same(reader, writer *Schema, path string) {
	if reader.Name != "" && !sameName(reader, writer) {
		r.add(NameMismatch, path, reader.String(), writer.String())
		return
	}
	switch reader.Kind {
	case Array:
		r.resolve(reader.Items, writer.Items, path+"[]")
	case Map:
		r.resolve(reader.Items, writer.Items, path+"{}")
	case Record:
		r.record(reader, writer, path)
	case Enum:
		var unknown []string
		for _, s := range writer.Symbols {
			if !slices.Contains(reader.Symbols, s) {
				unknown = append(unknown, s)
			}
		}
		if len(unknown) > 0 && reader.Default == "" {
			r.add(MissingEnumSymbols, path, reader.String(), "the symbols "+strings.Join(unknown, ", "))
		}
	case Fixed:
		if reader.Size != writer.Size {
			r.add(FixedSizeMismatch, path, fmt.Sprintf("fixed of %d bytes", reader.Size), fmt.Sprintf("fixed of %d bytes", writer.Size))
			return
		}
	}
	r.decimals(reader, writer, path)
}

func (r *resolver) decimals(reader, writer *Schema, path string) {
	d, w := reader.Decimal, writer.Decimal
	if d != nil && w != nil && (d.Scale != w.Scale || d.Precision < w.Precision) {
		r.add(DecimalMismatch, path, reader.String(), writer.String())
	}
}

// record looks for each of the reader's fields in the writer; what the writer
// has besides is skipped when reading.
func (r *resolver) record(reader, writer *Schema, path string) {
	for _, f := range reader.Fields {
		here := join(path, f.Name)
		w := find(writer.Fields, f)
		switch {
		case w != nil:
			r.resolve(f.Type, w.Type, here)
		case !f.HasDefault:
			r.add(MissingDefault, here, f.Type.String(), "")
		}
	}
}

func find(fields []Field, want Field) *Field {
	for _, name := range append([]string{want.Name}, want.Aliases...) {
		for i := range fields {
			if fields[i].Name == name {
				return &fields[i]
			}
		}
	}
	return nil
}

func sameName(reader, writer *Schema) bool {
	return unqualified(reader.Name) == unqualified(writer.Name) || slices.Contains(reader.Aliases, writer.Name)
}

func unqualified(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }
