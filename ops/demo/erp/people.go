package erp

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode"
)

type place struct {
	country, prefix, postcode string // postcode: # is a digit, @ a letter
	cities, streets           []string
	first, last               []string
}

// Names people really have, with the letters they really use.
var places = []place{
	{
		"DE", "+49", "#####",
		[]string{"Köln", "Düsseldorf", "München", "Leipzig", "Gütersloh", "Weißenfels"},
		[]string{"Hauptstraße %d", "Am Mühlbach %d", "Goethestr. %d", "Lindenallee %d"},
		[]string{"Jürgen", "Heike", "Björn", "Annegret", "Torsten", "Zoë"},
		[]string{"Müller", "Weiß", "Größmann", "von der Heide", "Schäfer", "Yılmaz"},
	},
	{
		"FR", "+33", "#####",
		[]string{"Lyon", "Orléans", "Saint-Étienne", "Besançon", "L'Haÿ-les-Roses"},
		[]string{"%d rue de l'Église", "%d avenue Jean-Jaurès", "%d bis, chemin des Prés"},
		[]string{"Aurélie", "François", "Maëlle", "Jean-Noël", "Hélène"},
		[]string{"Lefèvre", "D'Amboise", "Guérin", "Nguyễn", "Saint-Martin"},
	},
	{
		"GB", "+44", "@@# #@@",
		[]string{"Leeds", "Stoke-on-Trent", "King's Lynn", "Llanelli", "Dundee"},
		[]string{"%d High Street", "Flat 2, %d Mill Lane", "%d St. Mary's Road"},
		[]string{"Siân", "Oliver", "Priya", "Hamish", "Chloe"},
		[]string{"O'Connor", "Patel", "MacDonald", "Smith-Jones", "Okafor"},
	},
	{
		"PL", "+48", "##-###",
		[]string{"Łódź", "Kraków", "Gdańsk", "Świnoujście"},
		[]string{"ul. Długa %d", "al. Jerozolimskie %d", "os. Słoneczne %d"},
		[]string{"Małgorzata", "Łukasz", "Paweł", "Żaneta"},
		[]string{"Wiśniewska", "Dąbrowski", "Żółć", "Kowalczyk"},
	},
	{
		"JP", "+81", "###-####",
		[]string{"東京都港区", "大阪市北区", "札幌市"},
		[]string{"芝公園%d丁目", "梅田%d丁目"},
		[]string{"さくら", "健太", "陽菜"},
		[]string{"佐藤", "鈴木", "髙橋"},
	},
}

var (
	trades = []string{"Logistik", "Optique", "Bakery", "Elektro", "Timber", "Studio", "Pharma", "Farms"}
	forms  = []string{"GmbH", "S.A.R.L.", "Ltd.", "Sp. z o.o.", "& Söhne KG", "株式会社", "AG"}
	labels = []string{"vip", "newsletter", "no \"calls\"", "größhandel", "back,slash\\", ""}
)

// Customer is a row of customers without its generated id.
type Customer struct {
	Number, Company, First, Last, Email, Phone     string
	Street, Postcode, City, Country, Status, Since string
	SpendCents                                     int64
	Tags                                           []string
}

// NewCustomer makes up customer n.
func NewCustomer(r *rand.Rand, n int) Customer {
	p := places[r.IntN(len(places))]
	c := Customer{
		Number: fmt.Sprintf("C-%06d", n), Country: p.country,
		First: pick(r, p.first), Last: pick(r, p.last), City: pick(r, p.cities),
		Street:     fmt.Sprintf(pick(r, p.streets), 1+r.IntN(240)),
		Postcode:   digits(r, p.postcode),
		Phone:      p.prefix + " " + digits(r, "### #######"),
		SpendCents: r.Int64N(12_000_000),
		Status:     []string{"active", "active", "active", "active", "active", "active", "prospect", "closed"}[r.IntN(8)],
		Since:      fmt.Sprintf("%d-%02d-%02d", 1998+r.IntN(28), 1+r.IntN(12), 1+r.IntN(28)),
	}
	if r.IntN(3) > 0 {
		c.Company = c.Last + " " + pick(r, trades) + " " + pick(r, forms)
	}
	if r.IntN(8) > 0 {
		c.Email = ascii(c.First) + "." + ascii(c.Last) + fmt.Sprint(n) + "@example.com"
	}
	for range r.IntN(3) {
		c.Tags = append(c.Tags, pick(r, labels))
	}
	return c
}

func pick(r *rand.Rand, from []string) string { return from[r.IntN(len(from))] }

func digits(r *rand.Rand, pattern string) string {
	return strings.Map(func(c rune) rune {
		switch c {
		case '#':
			return rune('0' + r.IntN(10))
		case '@':
			return rune('A' + r.IntN(26))
		}
		return c
	}, pattern)
}

// ascii keeps what an e-mail address may hold.
func ascii(s string) string {
	return strings.ToLower(strings.Map(func(c rune) rune {
		if c < 128 && unicode.IsLetter(c) {
			return c
		}
		return -1
	}, s))
}
