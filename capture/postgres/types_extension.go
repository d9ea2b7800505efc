package postgres

import (
	"math"

	"sluice/schemas"
)

// extensions are the types that extensions bring, by name: they have no fixed
// object id. The function takes the type modifier.
var extensions = map[string]func(typmod int32) (schemas.Type, decodeFunc){
	"citext":    plainText,
	"isbn":      plainText,
	"isbn13":    plainText,
	"issn":      plainText,
	"issn13":    plainText,
	"ismn":      plainText,
	"ismn13":    plainText,
	"ean13":     plainText,
	"upc":       plainText,
	"cube":      plainText,
	"seg":       plainText,
	"lquery":    plainText,
	"ltxtquery": plainText,
	"ltree": func(int32) (schemas.Type, decodeFunc) {
		return schemas.Type{Name: schemas.StringType, Meaning: "io.debezium.data.Ltree"}, decodeText
	},
	"hstore": func(int32) (schemas.Type, decodeFunc) {
		return schemas.Type{Name: schemas.JSONType}, decodeHstore
	},
	"geometry": func(int32) (schemas.Type, decodeFunc) {
		return schemas.Type{Name: schemas.StructType, Record: geometryRecord}, decodeEWKB
	},
	"geography": func(int32) (schemas.Type, decodeFunc) {
		return schemas.Type{Name: schemas.StructType, Record: geographyRecord}, decodeEWKB
	},
	"vector": func(int32) (schemas.Type, decodeFunc) {
		return vectorType(schemas.Float64Type, "io.debezium.data.DoubleVector"), decodeVector(64)
	},
	"halfvec": func(int32) (schemas.Type, decodeFunc) {
		return vectorType(schemas.Float32Type, "io.debezium.data.FloatVector"), decodeVector(32)
	},
	"sparsevec": sparseType,
}

func plainText(int32) (schemas.Type, decodeFunc) {
	return schemas.Type{Name: schemas.StringType}, decodeText
}

func vectorType(elem schemas.TypeName, meaning string) schemas.Type {
	return schemas.Type{
		Name: schemas.ArrayType, Meaning: meaning, Elem: &schemas.Column{Type: schemas.Type{Name: elem}},
	}
}

// sparseType is Debezium's struct of the dimensions and a map from index to
// value, which Confluent's converter writes as an array of entries, for the keys
// are no texts. Indexes are 16 bits there; where more dimensions are declared,
// they are 32.
func sparseType(typmod int32) (schemas.Type, decodeFunc) {
	index := schemas.Type{Name: schemas.Int16Type}
	if typmod > math.MaxInt16 {
		index.Name = schemas.Int32Type
	}
	entry := &schemas.Table{Schema: "io.confluent.connect.avro", Name: "MapEntry", Columns: []schemas.Column{
		{Name: "key", Type: index},
		{Name: "value", Type: schemas.Type{Name: schemas.Float64Type}},
	}}
	return schemas.Type{Name: schemas.StructType, Record: &schemas.Table{
		Schema: "io.debezium.data", Name: "SparseVector",
		Columns: []schemas.Column{
			{Name: "dimensions", Type: index},
			{Name: "vector", Type: schemas.Type{
				Name: schemas.ArrayType, Elem: &schemas.Column{Type: schemas.Type{Name: schemas.StructType, Record: entry}},
			}},
		},
	}}, decodeSparse(index.Name)
}
