package debezium

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
)

// flattenValue decodes Avro bytes by their schema and lays the value flat: what
// the branches of a union are called, and in which order they stand, does not
// show. It knows as much of Avro (specification, "Binary Encoding") as the
// converter writes.
func flattenValue(p *Part) (leaves, error) {
	schema, err := parseSchema(p.Schema)
	if err != nil {
		return nil, err
	}
	d := decoder{in: p.Avro, named: map[string]map[string]any{}, out: leaves{}}
	d.collect("", schema)
	if err := d.value("", "", schema); err != nil {
		return nil, fmt.Errorf("decoding a record: %w", err)
	}
	if len(d.in) > 0 {
		return nil, fmt.Errorf("decoding a record: %d bytes are left", len(d.in))
	}
	return d.out.byCollection(), nil
}

type decoder struct {
	in []byte
	// named are the records by their full names, each with its namespace.
	named map[string]map[string]any
	out   leaves
}

// collect finds the records that the schema defines: where the first use of one
// is null, a later one still needs it.
func (d *decoder) collect(space string, schema any) {
	switch n := schema.(type) {
	case []any:
		for _, branch := range n {
			d.collect(space, branch)
		}
	case map[string]any:
		d.collect(space, n["items"])
		d.collect(space, n["type"])
		if n["type"] != "record" {
			return
		}
		if s, ok := n["namespace"].(string); ok {
			space = s
		}
		n["namespace"] = space
		d.named[full(n["name"].(string), space)] = n
		for _, f := range n["fields"].([]any) {
			d.collect(space, f)
		}
	}
}

var errShort = errors.New("the bytes end early")

func (d *decoder) value(path, space string, schema any) error {
	switch n := schema.(type) {
	case []any:
		i, err := d.long()
		if err != nil || i < 0 || int(i) >= len(n) {
			return errors.Join(fmt.Errorf("%s: branch %d", path, i), err)
		}
		return d.value(path, space, n[i])
	case map[string]any:
		kind, ok := n["type"].(string)
		if !ok {
			return d.value(path, space, n["type"])
		}
		switch kind {
		case "record":
			return d.record(path, n)
		case "array":
			return d.array(path, space, n["items"])
		}
		return d.value(path, space, kind)
	case string:
		if named, ok := d.named[full(n, space)]; ok {
			return d.value(path, space, named)
		}
		return d.primitive(path, n)
	}
	return fmt.Errorf("%s: a schema of %T", path, schema)
}

// byCollection names the tables that an END counts by their names, not by their
// places: Debezium lists them in the order of a hash map.
func (l leaves) byCollection() leaves {
	out := leaves{}
	for path, v := range l {
		if m := collection.FindStringSubmatch(path); m != nil {
			name, _ := strconv.Unquote(l[m[1]+".data_collection"]) // it was quoted here
			path = ".data_collections[" + name + "]" + m[2]
		}
		out[path] = v
	}
	return out
}

var collection = regexp.MustCompile(`^(\.data_collections\[\d+\])(.*)$`)

func (d *decoder) record(path string, n map[string]any) error {
	space := n["namespace"].(string)
	d.out[path+":"] = "a record"
	for _, f := range n["fields"].([]any) {
		field := f.(map[string]any)
		if err := d.value(path+"."+field["name"].(string), space, field["type"]); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoder) array(path, space string, items any) error {
	total := 0
	for {
		n, err := d.long()
		if err != nil {
			return err
		}
		if n < 0 { // the size in bytes follows
			n = -n
			if _, err := d.long(); err != nil {
				return err
			}
		}
		if n == 0 {
			d.out[path+":length"] = strconv.Itoa(total)
			return nil
		}
		for range n {
			if err := d.value(path+"["+strconv.Itoa(total)+"]", space, items); err != nil {
				return err
			}
			total++
		}
	}
}

func (d *decoder) primitive(path, kind string) error {
	switch kind {
	case "null":
		d.out[path] = "null"
	case "boolean":
		b, err := d.take(1)
		if err != nil {
			return err
		}
		d.out[path] = strconv.FormatBool(b[0] == 1)
	case "int", "long":
		i, err := d.long()
		d.out[path] = strconv.FormatInt(i, 10)
		return err
	case "float":
		b, err := d.take(4)
		if err != nil {
			return err
		}
		d.out[path] = strconv.FormatFloat(float64(math.Float32frombits(binary.LittleEndian.Uint32(b))), 'g', -1, 32)
	case "double":
		b, err := d.take(8)
		if err != nil {
			return err
		}
		d.out[path] = strconv.FormatFloat(math.Float64frombits(binary.LittleEndian.Uint64(b)), 'g', -1, 64)
	case "bytes", "string":
		n, err := d.long()
		if err != nil {
			return err
		}
		b, err := d.take(int(n))
		if kind == "string" {
			d.out[path] = strconv.Quote(string(b))
		} else {
			d.out[path] = fmt.Sprintf("x'%x'", b)
		}
		return err
	default:
		return fmt.Errorf("%s: type %q", path, kind)
	}
	return nil
}

func (d *decoder) long() (int64, error) {
	i, n := binary.Varint(d.in)
	if n <= 0 {
		return 0, errShort
	}
	d.in = d.in[n:]
	return i, nil
}

func (d *decoder) take(n int) ([]byte, error) {
	if n < 0 || n > len(d.in) {
		return nil, errShort
	}
	b := d.in[:n]
	d.in = d.in[n:]
	return b, nil
}
