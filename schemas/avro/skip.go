package avro

// skip reads past a value of a schema that has no place in a row, such as a
// transaction block, or a field of an envelope that only others write.
func (n *node) skip(r *reader) {
	if r.bad != "" {
		return
	}
	switch n.kind {
	case "null":
	case "boolean":
		r.take(1)
	case "int", "long", "enum":
		r.long()
	case "float":
		r.take(4)
	case "double":
		r.take(8)
	case "bytes", "string":
		r.take(r.long())
	case "fixed":
		r.take(int64(n.size))
	case "record":
		for i := range n.fields {
			n.fields[i].node.skip(r)
		}
	case "union":
		b := r.long()
		if b < 0 || b >= int64(len(n.branches)) {
			r.failf("no branch %d in a union of %d", b, len(n.branches))
			return
		}
		n.branches[b].skip(r)
	case "array", "map":
		for count := r.blockCount(); count != 0; count = r.blockCount() {
			if n.kind == "array" && n.items.empty() {
				continue // any number of nothing
			}
			for ; count > 0 && r.bad == ""; count-- {
				if n.kind == "map" {
					r.take(r.long())
				}
				n.items.skip(r)
			}
		}
	}
}

// empty reports whether the values of n have no bytes.
func (n *node) empty() bool {
	if n.kind == "record" {
		for i := range n.fields {
			if !n.fields[i].node.empty() {
				return false
			}
		}
		return true
	}
	return n.kind == "null"
}
