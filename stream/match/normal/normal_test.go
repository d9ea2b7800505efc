package normal_test

import (
	"strings"
	"testing"

	"sluice/stream/match/normal"
)

func TestFold(t *testing.T) {
	for in, want := range map[string]string{
		"  Müller-Lüdenscheidt ": "muller ludenscheidt", "O'Brien": "obrien", "Straße": "strasse", "Łódź": "lodz",
		"Иванов": "ivanov", "Ελένη": "eleni", "José  María": "jose maria", "王伟": "王伟", "already folded": "already folded", "\xff": "",
	} {
		if got := normal.Fold(in); got != want {
			t.Errorf("Fold(%q) = %q, want %q", in, got, want)
		}
	}
	if got := normal.Fold(strings.Repeat("é", 1<<20)); len(got) > 512 {
		t.Errorf("a hostile text folds to %d bytes", len(got))
	}
}

func TestPerson(t *testing.T) {
	for _, c := range []struct{ given, family, full, want string }{
		{"", "", "Dr. John Smith", "john/smith"},
		{"", "", "Smith, John", "john/smith"},
		{"", "", "SMITH, Mr. John Q.", "john q/smith"},
		{"John", "Smith", "John Quincy Smith", "john quincy/smith"},
		{"captain", "curties", "captain harry curties", "harry/curties"},
		{"", "", "Ludwig van Beethoven", "ludwig/beethoven"},
		{"", "van Beethoven", "", "/beethoven"},
		{"", "", "Elizabeth de Vere, Countess of Derby", "elizabeth vere/derby"},
		{"", "", "Sting", "sting/?"},
		{"Earl", "Warren", "", "earl/warren"},
		{"", "", "Martin Luther King", "martin luther/king"},
		{"", "", "", "/"},
		{"", "", "Mr", "/"},
		{"", "", "Jane Doe 3rd", "jane/doe"},
		{"", "Ó Súilleabháin", "", "/osuilleabhain"},
	} {
		n := normal.Person(c.given, c.family, c.full)
		got := strings.Join(n.Given, " ") + "/" + n.Family
		if n.Lone {
			got += "?"
		}
		if got != c.want {
			t.Errorf("Person(%q, %q, %q) = %s, want %s", c.given, c.family, c.full, got, c.want)
		}
	}
}

func TestSameGiven(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{{"bill", "william", true}, {"bert", "robert", true}, {"bert", "albert", true}, {"albert", "robert", false}, {"zed", "zed", false}} {
		if got := normal.SameGiven(c.a, c.b); got != c.want {
			t.Errorf("SameGiven(%s, %s) = %v", c.a, c.b, got)
		}
	}
}

func TestCompany(t *testing.T) {
	for in, want := range map[string]string{
		"The Boeing Company": "boeing", "Müller & Söhne GmbH & Co. KG": "muller sohne", "ACME, Inc.": "acme", "Siemens AG": "siemens",
		"Holding AG": "holding ag", "Société Générale S.A.": "societe generale", "XYZ Sp. z o.o.": "xyz z",
	} {
		if got := normal.Company(in); got != want {
			t.Errorf("Company(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestEmail(t *testing.T) {
	for in, want := range map[string]string{
		"John.Doe+news@GMail.com": "johndoe@gmail.com", "john.doe@example.com": "john.doe@example.com", "<a@b.de>": "a@b.de",
		"j.d@googlemail.com": "jd@gmail.com", "nobody": "@", "a b@c.de": "@", "+x@y.org": "+x@y.org",
	} {
		local, domain := normal.Email(in)
		if got := local + "@" + domain; got != want {
			t.Errorf("Email(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestPhone(t *testing.T) {
	for _, c := range [][3]string{
		{"030 / 123 456-78", "DE", "+493012345678"},
		{"+49 (0)30 12345678", "", "+493012345678"},
		{"0049 30 12345678", "US", "+493012345678"},
		{"(212) 555-0123", "US", "+12125550123"},
		{"020 7946 0958", "", "2079460958"},
		{"12", "DE", ""},
	} {
		if got := normal.Phone(c[0], c[1]); got != c[2] {
			t.Errorf("Phone(%q, %q) = %q, want %q", c[0], c[1], got, c[2])
		}
	}
}

func TestAddress(t *testing.T) {
	for in, want := range map[string]normal.Address{
		"12 High St.": {"12", "high street"}, "Hauptstr. 5a": {"5a", "hauptstrasse"}, "Hauptstraße 5a": {"5a", "hauptstrasse"},
		"stanley street": {"", "stanley street"},
	} {
		if got := normal.Street(in); got != want {
			t.Errorf("Street(%q) = %+v", in, got)
		}
	}
	for in, want := range map[string][2]string{
		"wr11 7qp": {"WR117QP", "WR11"}, "4011": {"4011", "40"}, "10115": {"10115", "101"}, "": {}, "D-10115": {"D10115", "D10"}, "12345-6789": {"123456789", "12345"},
	} {
		if code, area := normal.Postcode(in); code != want[0] || area != want[1] {
			t.Errorf("Postcode(%q) = %s, %s", in, code, area)
		}
	}
}

func TestDate(t *testing.T) {
	for _, c := range []struct {
		in         string
		monthFirst bool
		want       string
	}{
		{"1856-03-28", false, "18560328"},
		{"19081209", false, "19081209"},
		{"28.3.1856", false, "18560328"},
		{"3/28/1856", true, "18560328"},
		{"03/28/1856", false, "18560328"},
		{"1808-27-22", false, "18082722"},
		{"2020-01-02T10:11:12Z", false, "20200102"},
		{"2 Jan 1999", false, "19990102"},
		{"1999", false, ""},
		{"soon", false, ""},
		{"1999-01-01-01", false, ""},
	} {
		if got := normal.Date(c.in, c.monthFirst); got != c.want {
			t.Errorf("Date(%q, %v) = %q, want %q", c.in, c.monthFirst, got, c.want)
		}
	}
}

func FuzzNormal(f *testing.F) {
	f.Add("Dr. José, 3rd O'Neil+x@gmail.com 1.2.1999")
	f.Fuzz(func(_ *testing.T, s string) {
		normal.Person(s, "", s)
		normal.Person("", s, s)
		normal.Company(s)
		normal.Email(s)
		normal.Phone(s, "DE")
		normal.Street(s)
		normal.Postcode(s)
		normal.Date(s, true)
	})
}
