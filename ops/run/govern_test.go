package run

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
)

// nameByERP gives the name to the ERP and the phone to the CRM.
const nameByERP = `
    authority:
      owners: [PREFIX_erp, PREFIX_crm]
      fields: {phone: {owners: [PREFIX_crm, PREFIX_erp]}}
`

// TestOwnersDecide: both systems change both fields of the same records; each
// field comes to what its owner last said, in both, and then all is quiet.
func TestOwnersDecide(t *testing.T) {
	w := governedPair(t, nameByERP, asGiven, asGiven)
	// Both have all records, as each says it.
	for n := range 20 {
		number := fmt.Sprint("P", n)
		w.erp.set(number, person{"ERP " + number, "0"})
		w.crm.set(number, person{"CRM " + number, "1"})
	}
	w.quiet()
	names, phones := map[string]string{}, map[string]string{}
	for n := range 20 {
		number := fmt.Sprint("P", n)
		names[number], phones[number] = "ERP "+number, "1"
	}
	w.agree(names, phones)

	random := rand.New(rand.NewPCG(1, 2))
	for n := range 600 {
		number := fmt.Sprint("P", random.IntN(20))
		s := w.erp
		if random.IntN(2) == 0 {
			s = w.crm
		}
		name, phone := s.change(number, func(p *person) {
			if random.IntN(2) == 0 {
				p.Name = fmt.Sprintf("Name %d", n)
			} else {
				p.Phone = fmt.Sprintf("+49 30 %d", n)
			}
		})
		if s == w.erp && name != "" {
			names[number] = name
		}
		if s == w.crm && phone != "" {
			phones[number] = phone
		}
	}
	w.quiet()
	w.agree(names, phones)
	w.noneParked()
	t.Logf("640 changes; %d writes to the ERP, %d to the CRM", w.erp.sent, w.crm.sent)
}

// agree checks that both systems hold what the owners said.
func (w *pair) agree(names, phones map[string]string) {
	w.t.Helper()
	want := map[string]person{}
	for number := range names {
		want[number] = person{names[number], phones[number]}
	}
	for _, s := range []*system{w.erp, w.crm} {
		if got := s.all(); !maps.Equal(got, want) {
			for number := range want {
				if got[number] != want[number] {
					w.t.Errorf("%s has %v of %s, want %v", s.name, got[number], number, want[number])
				}
			}
		}
	}
}

// TestDeletionsFollowTheirPolicy: what the ERP deletes is deleted everywhere, and
// comes back when it is made again.
func TestDeletionsFollowTheirPolicy(t *testing.T) {
	w := governedPair(t, strings.Replace(nameByERP, "fields:", "deletes: owner\n      fields:", 1), asGiven, asGiven)
	w.erp.set("P1", person{"Jones", "0"})
	w.quiet()
	w.crm.change("P1", func(p *person) { p.Phone = "1" })
	w.quiet()
	w.agree(map[string]string{"P1": "Jones"}, map[string]string{"P1": "1"})
	w.erp.remove("P1")
	w.quiet()
	w.agree(nil, nil)
	w.erp.set("P1", person{"Jones again", "2"})
	w.quiet()
	w.agree(map[string]string{"P1": "Jones again"}, map[string]string{"P1": "2"})
	w.noneParked()
}

// TestGovernedTargetThatRewrites: the CRM shouts. Its word does not count for the
// name, and it is told until it would go on without end.
func TestGovernedTargetThatRewrites(t *testing.T) {
	w := governedPair(t, nameByERP, asGiven, func(p person) person { return person{strings.ToUpper(p.Name), p.Phone} })
	for n := range 20 {
		w.erp.set(fmt.Sprint("P", n), person{fmt.Sprintf("Name %d", n), "1"})
	}
	w.quiet()
	for number, p := range w.crm.all() {
		if want := strings.ToUpper(w.erp.all()[number].Name); p.Name != want {
			t.Errorf("%s: the CRM says %v, want the name %s", number, p, want)
		}
	}
}
