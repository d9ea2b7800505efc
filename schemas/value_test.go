package schemas

import (
	"math"
	"testing"
	"unsafe"
)

func TestValueSize(t *testing.T) {
	if n := unsafe.Sizeof(Value{}); n != 48 {
		t.Errorf("a Value is %d bytes", n)
	}
}

func TestValues(t *testing.T) {
	if !BoolOf(true).Bool() || BoolOf(false).Bool() {
		t.Error("Bool")
	}
	for _, n := range []int64{0, -1, math.MinInt64, math.MaxInt64} {
		if IntOf(n).Int() != n {
			t.Errorf("Int %d", n)
		}
	}
	if FloatOf(-0.1).Float() != -0.1 || !math.IsNaN(FloatOf(math.NaN()).Float()) {
		t.Error("Float")
	}
	list := ListOf(Row{IntOf(1), {}})
	if e := list.Elems(); len(e) != 2 || e[0].Int() != 1 || !e[1].IsNull() {
		t.Errorf("Elems: %v", e)
	}
	if ListOf(nil).Elems() != nil || IntOf(3).Elems() != nil {
		t.Error("elements from nowhere")
	}
	for k := Null; k <= Absent; k++ {
		v := Value{Kind: k}
		if v.Known() == (k == Unchanged || k == Absent) || v.IsNull() != (k == Null) {
			t.Errorf("kind %v: known %v, null %v", k, v.Known(), v.IsNull())
		}
		if k.String() == "kind?" {
			t.Errorf("kind %d has no name", k)
		}
	}
}

func TestEqual(t *testing.T) {
	// No two of these are equal, and each equals itself.
	values := Row{
		{},
		{Kind: Unchanged},
		{Kind: Absent},
		BoolOf(false), BoolOf(true), IntOf(0), IntOf(1), FloatOf(0),
		FloatOf(math.Copysign(0, -1)), FloatOf(math.NaN()), TextOf(nil), TextOf([]byte("a")), BytesOf([]byte("a")),
		DecimalOf([]byte("a"), 0), DecimalOf([]byte("a"), 1), ListOf(nil), ListOf(Row{{}}), ListOf(Row{IntOf(1)}),
	}
	for i, v := range values {
		for j, w := range values {
			if v.Equal(w) != (i == j) {
				t.Errorf("%v equal to %v: %v", v, w, v.Equal(w))
			}
		}
	}
	if !values.Equal(values.Clone()) || values.Equal(values[1:]) {
		t.Error("rows")
	}
}

func TestClone(t *testing.T) {
	inner := []byte("inner")
	row := Row{TextOf([]byte("text")), ListOf(Row{TextOf(inner)}), TextOf(make([]byte, 0))}
	c := row.Clone()
	copy(row[0].Bytes, "XXXX")
	copy(inner, "XXXXX")
	if string(c[0].Bytes) != "text" || string(c[1].Elems()[0].Bytes) != "inner" || c[2].Bytes == nil {
		t.Errorf("the clone shares memory: %v", c)
	}
	if Row(nil).Clone() != nil || (Row{}).Clone() == nil {
		t.Error("nil and empty are not kept apart")
	}
}

func TestTable(t *testing.T) {
	table := &Table{Schema: "public", Name: "t", Columns: []Column{{Name: "a"}, {Name: "b"}}}
	if table.FullName() != "public.t" || table.Column("b") != 1 || table.Column("c") != -1 {
		t.Error("names and indexes")
	}
	after, before := Row{IntOf(1)}, Row{IntOf(2)}
	if c := (Change{Before: before, After: after}); !c.KeyRow().Equal(after) {
		t.Error("the key of an update is in After")
	}
	if c := (Change{Before: before}); !c.KeyRow().Equal(before) {
		t.Error("the key of a delete is in Before")
	}
}
