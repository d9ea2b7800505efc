package govern_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sluice/schemas"
	"sluice/stream/govern"
)

func TestStatesComeBackFromTheirBytes(t *testing.T) {
	table := customer()
	codec := govern.NewCodec(table)
	var again govern.State // used for all, as a worker does
	rapid.Check(t, func(t *rapid.T) {
		p := policy(t, drawAuthority(t, table), table)
		events := drawEvents(t, table, false)
		s := state(events[:len(events)-1])
		data := codec.Append(nil, s)
		if err := codec.Decode(data, &again); err != nil {
			t.Fatal(err)
		}
		clear(data) // it keeps none of it
		for _, st := range []*govern.State{s, &again} {
			st.Apply(&events[len(events)-1])
		}
		if a, b := codec.Append(nil, s), codec.Append(nil, &again); !bytes.Equal(a, b) {
			t.Fatalf("decoded and applied:\n%x\nwant\n%x", b, a)
		}
		if !merge(p, s).Row(nil).Equal(merge(p, &again).Row(nil)) {
			t.Fatal("another golden record")
		}
	})
}

// without is the table without a column.
func without(name string) *schemas.Table {
	t := customer()
	i := t.Column(name)
	t.Columns = append(t.Columns[:i:i], t.Columns[i+1:]...)
	return t
}

const story = `
	10:00 erp/1 email=anna@erp name=Anna limit=1.00 tags=a,b
	10:05 crm/7 email=anna@crm name=Anne
	10:06 erp/1 name=Ann
	10:07 shop/3 name=X
	10:08 shop/3 deleted`

func TestAStateOfOtherFieldsIsReadByTheirNames(t *testing.T) {
	now, old := customer(), without("email")
	events := script(t, now, story)
	data := govern.NewCodec(now).Append(nil, state(events))

	// A field is gone.
	var s govern.State
	if err := govern.NewCodec(old).Decode(data, &s); err != nil {
		t.Fatal(err)
	}
	g := merge(policy(t, authority(t, ``), old), &s)
	if f := g.Fields[old.Column("name")]; string(f.Value.Bytes) != "Ann" || f.Time != clock(t, "10:06") {
		t.Errorf("name = %s at %d", f.Value.Bytes, f.Time)
	}

	// A field is new.
	data = govern.NewCodec(old).Append(nil, &s)
	codec := govern.NewCodec(now)
	for range 2 { // the second finds the old form known
		if err := codec.Decode(data, &s); err != nil {
			t.Fatal(err)
		}
	}
	g = merge(policy(t, authority(t, ``), now), &s)
	if f := g.Fields[now.Column("email")]; !f.Value.IsNull() || f.Winner != -1 {
		t.Errorf("email = %v of %d", f.Value, f.Winner)
	}
	if f := g.Fields[now.Column("limit")]; !f.Value.Equal(decimal(100)) {
		t.Errorf("limit = %v", f.Value)
	}
	events[2].Rules, events[2].Row[0] = "customer@2", schemas.TextOf([]byte("anna@new"))
	if !s.Apply(&events[2]) {
		t.Error("the same event by newer rules changed nothing")
	}
	g = merge(policy(t, authority(t, ``), now), &s)
	if f := g.Fields[0]; string(f.Value.Bytes) != "anna@new" || f.Time != 0 {
		t.Errorf("email = %s at %d: of a field that the rules fill later no change was seen", f.Value.Bytes, f.Time)
	}
}

func TestAFieldOfAnotherTypeIsRefused(t *testing.T) {
	now := customer()
	data := govern.NewCodec(now).Append(nil, state(script(t, now, story)))
	now.Columns[now.Column("limit")].Type.Scale = 4
	var s govern.State
	var f *schemas.Fault
	err := govern.NewCodec(now).Decode(data, &s)
	if !errors.As(err, &f) || !strings.Contains(f.What, "limit was decimal(8,2); it is decimal(8,4) now") {
		t.Errorf("err = %v", err)
	}
	if len(s.Contributions) != 0 {
		t.Error("the state is not empty after an error")
	}
}

func TestAnEnumMayGrowAndLoseWhatNobodySays(t *testing.T) {
	enum := func(symbols ...string) *govern.Codec {
		return govern.NewCodec(&schemas.Table{Name: "e", Columns: []schemas.Column{{Name: "x", Type: schemas.Type{Name: schemas.EnumType, Symbols: symbols}}}})
	}
	var s govern.State
	s.Apply(&govern.Event{Record: "a", Row: schemas.Row{schemas.TextOf([]byte("low"))}})
	data := enum("low", "high").Append(nil, &s)
	for _, c := range []struct {
		codec *govern.Codec
		ok    bool
	}{{enum("low", "high", "top"), true}, {enum("low"), true}, {enum("high"), false}} {
		if err := c.codec.Decode(data, &s); (err == nil) != c.ok {
			t.Errorf("err = %v, want none: %v", err, c.ok)
		}
	}
}

func TestEveryCutAndEveryFlippedByteIsAnErrorOrAState(t *testing.T) {
	table := customer()
	codec := govern.NewCodec(table)
	data := codec.Append(nil, state(script(t, table, story)))
	var s govern.State
	for n := range data {
		if err := codec.Decode(data[:n], &s); !errors.Is(err, govern.ErrCorrupt) {
			t.Fatalf("cut at %d: %v", n, err)
		}
		for bit := range 8 {
			broken := bytes.Clone(data)
			broken[n] ^= 1 << bit
			usable(t, codec, table, broken)
		}
	}
}

// usable decodes data; what it decodes to can be used.
func usable(t testing.TB, codec *govern.Codec, table *schemas.Table, data []byte) {
	var s govern.State
	if err := codec.Decode(data, &s); err != nil {
		if len(s.Contributions) != 0 {
			t.Fatal("the state is not empty after an error")
		}
		return
	}
	govern.Explain(policy(t, authority(t, `{survivorship: most_frequent, fields: {limit: {survivorship: sum}, orders: {survivorship: max}, tags: {survivorship: longest}}}`), table), "g", &s)
	once := codec.Append(nil, &s)
	if err := codec.Decode(once, &s); err != nil {
		t.Fatalf("written and read again: %v", err)
	}
	if twice := codec.Append(nil, &s); !bytes.Equal(once, twice) {
		t.Fatalf("written %x and then %x", once, twice)
	}
}

func FuzzDecode(f *testing.F) {
	table := customer()
	f.Add(govern.NewCodec(table).Append(nil, state(script(f, table, story))))
	f.Add(govern.NewCodec(without("email")).Append(nil, state(nil)))
	f.Add([]byte{1, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) { usable(t, govern.NewCodec(table), table, data) })
}
