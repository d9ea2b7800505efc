package match

import (
	"regexp"
	"strconv"
	"strings"

	"sluice/stream/match/normal"
)

// sample is how many rows are looked at to guess what a column holds.
const sample = 2000

// Guess says what the columns hold: by their names, and where these tell
// nothing by their contents.
func Guess(columns []string, rows Rows) []Field {
	var out []Field
	for _, c := range columns {
		s := look(rows, c)
		f := Field{Column: c}
		f.Kind, f.Why = s.kind(c)
		out = append(out, f)
	}
	return out
}

// names of columns that tell what they hold. The first that fits counts.
var names = []struct {
	kind Kind
	like *regexp.Regexp
}{
	{Ignore, regexp.MustCompile(`^(id|rec_?id|record_?id|unique_?id|uuid|guid|row|row_?(id|num|number)|index|pk|key|cluster(_?id)?|entity_?id|golden(_?id)?|created(_?at)?|updated(_?at)?|modified(_?at)?|source(_?system)?|version|timestamp)$`)},
	{Identifier, regexp.MustCompile(`(^|_)(ssn|soc_?sec|social_security|nino|nhs|tax_?(id|no|number)?|vat|passport|licen[cs]e|national|personnummer|cpf|dni|nif|siren|siret|iban|duns|lei|ein|abn)(_|$)|vat_?id|tax_?id|soc_?sec`)},
	{Email, regexp.MustCompile(`e_?mail`)},
	{Phone, regexp.MustCompile(`phone|mobile|(^|_)(tel|fax|cell|msisdn)(_|$)|telefon|handy`)},
	{Full, regexp.MustCompile(`^(full_?|person_?|contact_?|customer_?|display_?|(first|given)_and_(sur|last)_?)?name$|full_?name`)},
	{Given, regexp.MustCompile(`^(given|first|fore|christian|middle)(_?names?)?$|^(fname|vorname|prenom|firstname|givenname|nombre|nome)$|_(first|given)_?name$|_fname$`)},
	{Family, regexp.MustCompile(`^(sur|last|family)(_?names?)?$|^(lname|nachname|apellidos?|cognome|nom|surname|familienname)$|_(last|family|sur)_?name$|_lname$`)},
	{Company, regexp.MustCompile(`company|organi[sz]ation|firm|business_?name|employer|legal_?name|(^|_)(org|account_?name)(_|$)`)},
	{Date, regexp.MustCompile(`(^|_)(dob|birth_?da(te|y)|date_of_birth|born|geburtsdatum|birthday)(_|$)|^date_|_date$|^date$`)},
	{Postcode, regexp.MustCompile(`post_?(al_?)?code|(^|_)(zip|plz|pin_?code|cap|eircode)(_|$)|zip_?code`)},
	{House, regexp.MustCompile(`(street|house|building)_?(no|num|nr|number)|hausnummer`)},
	{City, regexp.MustCompile(`(^|_)(city|town|suburb|locality|ort|stadt|ville|municipality|village)(_|$)|birth_?place|place_?of|birthplace`)},
	{Region, regexp.MustCompile(`(^|_)(state|region|province|county|country|land|canton|territory)(_|$)`)},
	{Street, regexp.MustCompile(`street|address|addr|strasse|(^|_)(rue|road)(_|$)`)},
	{Category, regexp.MustCompile(`^(gender|sex|title|occupation|profession|job|role|nationality|segment|category|type|status)$`)},
}

// looks are what a sample of a column shows.
type looks struct {
	rows, filled, distinct              int
	email, phone, date, number, longish int
	words                               int
}

func look(rows Rows, column string) looks {
	s := looks{}
	seen := map[string]bool{}
	every := max(1, rows.Len()/sample)
	for i := 0; i < rows.Len(); i += every {
		s.rows++
		v := rows.Cell(i, column)
		if normal.Missing(v) {
			continue
		}
		s.filled++
		if !seen[v] {
			seen[v] = true
			s.distinct++
		}
		if l, _ := normal.Email(v); l != "" {
			s.email++
		}
		digits, letters := 0, 0
		for _, r := range v {
			if r >= '0' && r <= '9' {
				digits++
			} else if r > '9' && r != ':' {
				letters++
			}
		}
		if letters == 0 && digits >= 7 && (strings.HasPrefix(v, "+") || strings.ContainsAny(v, " ()/-")) {
			s.phone++
		}
		if d := normal.Date(v, false); d != "" && d[4:6] <= "12" && d[6:] <= "31" && (d[:2] == "20" || d[:2] == "19" || d[:2] == "18") {
			s.date++
		}
		if _, err := strconv.ParseFloat(v, 64); err == nil {
			s.number++
		}
		w := len(strings.Fields(v))
		s.words += w
		if w > 5 {
			s.longish++
		}
	}
	return s
}

// kind is what the column most likely holds.
func (s looks) kind(column string) (Kind, string) {
	if s.filled == 0 {
		return Ignore, "empty"
	}
	name := strings.ReplaceAll(strings.ToLower(normal.Fold(column)), " ", "_")
	most := func(n int) bool { return n*10 >= s.filled*8 }
	for _, n := range names {
		if n.like.MatchString(name) {
			return n.kind, "by its name"
		}
	}
	alone := s.distinct == s.filled && s.filled > 20
	switch {
	case most(s.email):
		return Email, "holds mail addresses"
	case most(s.date):
		return Date, "holds dates"
	case most(s.phone):
		return Phone, "holds phone numbers"
	case alone && (strings.HasSuffix(name, "id") || strings.HasSuffix(name, "key")):
		return Ignore, "a number of its own for each row"
	case s.distinct == 1:
		return Ignore, "always the same"
	case s.distinct*20 <= s.filled || s.distinct <= 12:
		return Category, "few different values"
	case alone && most(s.number):
		return Ignore, "a number of its own for each row"
	case most(s.number) && s.distinct*2 > s.filled:
		return Identifier, "mostly different numbers"
	case most(s.number):
		return Number, "holds numbers"
	case s.longish*2 > s.filled:
		return Text, "holds sentences"
	}
	return Text, "holds words"
}
