package loop

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// hop reads "customer.name crm crm.contacts customer.name".
func hop(text string) Hop {
	part := strings.Fields(text)
	field := func(s string) Field {
		entity, name, _ := strings.Cut(s, ".")
		return Field{entity, name}
	}
	return Hop{field(part[0]), part[1], part[2], field(part[3])}
}

func hopsOf(lines ...string) []Hop {
	var hops []Hop
	for _, l := range lines {
		hops = append(hops, hop(l))
	}
	return hops
}

func TestCycles(t *testing.T) {
	for _, c := range []struct {
		name  string
		hops  []Hop
		owned []string
		want  []string // path, fields, unowned
	}{
		{"no way back", hopsOf("customer.name crm crm.contacts report.name"), nil, nil},
		{
			"one field, one sink", hopsOf("customer.name crm crm.contacts customer.name"), nil,
			[]string{"customer -> sink crm -> crm.contacts -> customer: name / name"},
		},
		{
			"fields of one way are told together", hopsOf(
				"customer.phone crm crm.contacts customer.phone", "customer.name crm crm.contacts customer.name",
			),
			[]string{"customer.phone"},
			[]string{"customer -> sink crm -> crm.contacts -> customer: name,phone / name"},
		},
		{
			"over two systems", hopsOf(
				"person.name erp erp.customers customer.name", "customer.name crm crm.contacts person.name",
			), nil,
			[]string{"customer -> sink crm -> crm.contacts -> person -> sink erp -> erp.customers -> customer: name / name"},
		},
		{
			"an owner anywhere on the way will do", hopsOf(
				"person.name erp erp.customers customer.name", "customer.name crm crm.contacts person.name",
			),
			[]string{"person.name"},
			[]string{"customer -> sink crm -> crm.contacts -> person -> sink erp -> erp.customers -> customer: name / "},
		},
		{
			"a field that comes back as another", hopsOf(
				"customer.name crm crm.contacts customer.label", "customer.label crm crm.contacts customer.name",
			), nil,
			[]string{"customer -> sink crm -> crm.contacts -> customer -> sink crm -> crm.contacts -> customer: label / label"},
		},
		{
			"two ways", hopsOf("customer.name crm crm.contacts customer.name", "customer.name erp erp.customers customer.name"), nil,
			[]string{
				"customer -> sink crm -> crm.contacts -> customer: name / name",
				"customer -> sink erp -> erp.customers -> customer: name / name",
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, cycle := range Cycles(c.hops, func(f Field) bool { return slices.Contains(c.owned, f.Entity+"."+f.Name) }) {
				got = append(got, cycle.Path("")+": "+strings.Join(cycle.Fields, ",")+" / "+strings.Join(cycle.Unowned, ","))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func TestPathBeginsAtTheEntrance(t *testing.T) {
	c := Cycles(hopsOf("customer.name crm crm.crm.contacts customer.name"), func(Field) bool { return false })[0]
	want := "erp.public.customers -> customer -> sink crm -> crm.crm.contacts -> customer"
	if got := c.Path("erp.public.customers"); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// TestCyclesAreThoseOfTheGraph compares with a search that only asks whether a
// field reaches itself: some cycle is told exactly if one does.
func TestCyclesAreThoseOfTheGraph(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]string{"a", "b", "c", "d"})
		hops := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Hop {
			return Hop{Field{name.Draw(t, "from"), "f"}, name.Draw(t, "sink"), name.Draw(t, "topic"), Field{name.Draw(t, "to"), "f"}}
		}), 0, 8).Draw(t, "hops")
		found := map[string]bool{}
		for _, c := range Cycles(hops, func(Field) bool { return false }) {
			for i, h := range c.Hops {
				found[h.From.Entity] = true
				if next := c.Hops[(i+1)%len(c.Hops)]; h.To != next.From || !slices.Contains(hops, h) {
					t.Fatalf("no way: %+v", c.Hops)
				}
			}
		}
		reach := map[[2]string]bool{}
		for _, h := range hops {
			reach[[2]string{h.From.Entity, h.To.Entity}] = true
		}
		for _, k := range []string{"a", "b", "c", "d"} {
			for _, i := range []string{"a", "b", "c", "d"} {
				for _, j := range []string{"a", "b", "c", "d"} {
					if reach[[2]string{i, k}] && reach[[2]string{k, j}] {
						reach[[2]string{i, j}] = true
					}
				}
			}
		}
		for _, n := range []string{"a", "b", "c", "d"} {
			if reach[[2]string{n, n}] != found[n] {
				t.Fatalf("%s comes back to itself: %v, but told: %v", n, reach[[2]string{n, n}], found[n])
			}
		}
	})
}
