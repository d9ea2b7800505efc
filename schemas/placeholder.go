package schemas

// HasPlaceholder reports whether the type has a value that stands for Unchanged,
// as Debezium's consumers know it: [UnavailableValue] as a text, its bytes as
// binary, an array of that one element, and the numbers of its bytes as an array
// of numbers or dates. For other types nothing tells Unchanged from a value.
func (t Type) HasPlaceholder() bool {
	switch t.Name {
	case StringType, ZonedTimeType, ZonedTimestampType, UUIDType, JSONType, XMLType, EnumType, BytesType:
		return true
	case ArrayType:
		switch t.Elem.Type.Name {
		case Int16Type, Int32Type, Int64Type, DateType:
			return true
		case ArrayType:
			return false
		}
		return t.Elem.Type.HasPlaceholder()
	}
	return false
}
