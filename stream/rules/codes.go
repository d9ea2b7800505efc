package rules

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"golang.org/x/text/currency"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
	"golang.org/x/text/unicode/norm"
)

// codeFunctions are those of ISO 3166 and ISO 4217.
func codeFunctions() []function {
	code := func(f func(language.Region) string) func(string) (ref.Val, error) {
		return func(s string) (ref.Val, error) {
			r, err := region(s)
			if err != nil {
				return nil, err
			}
			return types.String(f(r)), nil
		}
	}
	const takes = "from its code of two or three letters or digits (ISO 3166-1), or its name in English or in one of its own languages that are large, in any case and with or without accents. Anything else is an error, and so is a blank"
	return []function{
		{
			Name: "country", Signature: "country(s)", Doc: "the two letters of a country, " + takes,
			Examples: []Example{
				{"country('Germany')", `"DE"`},
				{"country('deutschland')", `"DE"`},
				{"country('GBR')", `"GB"`},
				{"country('276')", `"DE"`},
				{"country('USA')", `"US"`},
				{"country('Atlantis')", "error: is no country"},
				{"country(null)", "null"},
			},
			overloads: []cel.FunctionOpt{ofText("country_string", nullableString, code(language.Region.String))},
		},
		{
			Name: "country3", Signature: "country3(s)", Doc: "the three letters of a country, " + takes,
			Examples:  []Example{{"country3('Côte d’Ivoire')", `"CIV"`}, {"country3('de')", `"DEU"`}},
			overloads: []cel.FunctionOpt{ofText("country3_string", nullableString, code(language.Region.ISO3))},
		},
		{
			Name: "currency", Signature: "currency(s[, otherwise])",
			Doc: "the three letters of a currency (ISO 4217), from them or from its symbol, alone or beside an amount. $, ¥ and kr are of several: that is an error, unless it is said which to take",
			Examples: []Example{
				{"currency('eur')", `"EUR"`},
				{"currency('1.234,56 €')", `"EUR"`},
				{"currency('US$ 5')", `"USD"`},
				{"currency('$5')", "error: is of several currencies"},
				{"currency('$5', 'CAD')", `"CAD"`},
				{"currency('5')", "error: names no currency"},
			},
			checks: map[int]check{1: func(_ int, s string) error {
				if !isISOCurrency(s) {
					return fmt.Errorf("%q is no currency; write three capital letters such as 'EUR'", s)
				}
				return nil
			}},
			overloads: []cel.FunctionOpt{
				ofText("currency_string", nullableString, func(s string) (ref.Val, error) {
					c, err := currencyOf(s, "")
					return types.String(c), err
				}),
				overload("currency_otherwise", []*cel.Type{nullableString, cel.StringType}, nullableString, func(a []ref.Val) ref.Val {
					return textOrErr(currencyOf(argument(a[0]), argument(a[1])))
				}),
			},
		},
	}
}

// nameLanguages are those in which countries' names are known, English first.
var nameLanguages = []language.Tag{
	language.English, language.German, language.French, language.Spanish, language.Italian, language.Portuguese, language.Dutch,
	language.Polish, language.Czech, language.Danish, language.Swedish, language.Norwegian, language.Finnish, language.Hungarian,
	language.Romanian, language.Turkish, language.Greek, language.Russian, language.Ukrainian, language.Japanese, language.Chinese, language.Korean,
}

// otherNames are in use beside those of the Unicode CLDR.
var otherNames = map[string]string{
	"usa": "US", "u.s.a.": "US", "u.s.": "US", "united states of america": "US", "america": "US", "uk": "GB", "great britain": "GB", "england": "GB",
	"scotland": "GB", "wales": "GB", "northern ireland": "GB", "holland": "NL", "the netherlands": "NL", "czech republic": "CZ", "russian federation": "RU",
	"south korea": "KR", "republic of korea": "KR", "north korea": "KP", "viet nam": "VN", "ivory coast": "CI", "turkey": "TR", "türkiye": "TR",
	"macedonia": "MK", "swaziland": "SZ", "burma": "MM", "cape verde": "CV", "uae": "AE", "brd": "DE", "federal republic of germany": "DE",
	"bundesrepublik deutschland": "DE", "people's republic of china": "CN", "republic of ireland": "IE", "hong kong": "HK", "macau": "MO",
	"iran, islamic republic of": "IR", "bolivia, plurinational state of": "BO", "venezuela, bolivarian republic of": "VE", "moldova, republic of": "MD",
	"tanzania, united republic of": "TZ", "syrian arab republic": "SY", "lao people's democratic republic": "LA", "brunei darussalam": "BN",
	"taiwan, province of china": "TW", "korea, republic of": "KR", "palestine": "PS", "vatican": "VA", "holy see": "VA", "schweiz": "CH",
}

// regionNames maps names, folded, to regions. English wins where languages
// differ.
var regionNames = sync.OnceValue(func() map[string]language.Region {
	names := map[string]language.Region{}
	for _, tag := range nameLanguages {
		namer := display.Regions(tag)
		for a := 'A'; a <= 'Z'; a++ {
			for b := 'A'; b <= 'Z'; b++ {
				r, err := language.ParseRegion(string([]rune{a, b}))
				if err != nil || !r.IsCountry() || r.Canonicalize() != r || r.String() != string([]rune{a, b}) {
					continue
				}
				if name := foldName(namer.Name(r)); name != "" {
					if _, taken := names[name]; !taken {
						names[name] = r
					}
				}
			}
		}
	}
	for name, code := range otherNames {
		names[foldName(name)] = language.MustParseRegion(code)
	}
	return names
})

// foldName leaves letters and digits, small and without accents.
func foldName(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(s) {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}

// longestName bounds the name of a country.
const longestName = 100

func region(s string) (language.Region, error) {
	word := strings.TrimSpace(s)
	if len(word) <= longestName {
		if len(word) == 2 || len(word) == 3 {
			if r, err := language.ParseRegion(word); err == nil && r.IsCountry() {
				return r.Canonicalize(), nil
			}
		}
		if r, ok := regionNames()[foldName(word)]; ok {
			return r, nil
		}
	}
	return language.Region{}, fmt.Errorf("%.60q is no country that is known by its code or name", s)
}

// symbols are those of one currency.
var symbols = map[string]string{
	"€": "EUR", "£": "GBP", "US$": "USD", "USD$": "USD", "A$": "AUD", "AU$": "AUD", "C$": "CAD", "CA$": "CAD", "NZ$": "NZD", "HK$": "HKD", "S$": "SGD",
	"R$": "BRL", "MX$": "MXN", "NT$": "TWD", "CN¥": "CNY", "JP¥": "JPY", "元": "CNY", "円": "JPY", "₹": "INR", "₽": "RUB", "₺": "TRY", "₩": "KRW",
	"₪": "ILS", "₴": "UAH", "₫": "VND", "₱": "PHP", "฿": "THB", "₦": "NGN", "₸": "KZT", "₾": "GEL", "zł": "PLN", "Kč": "CZK", "Ft": "HUF",
	"Fr.": "CHF", "SFr.": "CHF", "лв": "BGN", "lei": "RON",
}

// shared are the symbols of several.
var shared = map[string]bool{"$": true, "¥": true, "￥": true, "kr": true, "kr.": true, "Kr": true, "Kr.": true}

func isISOCurrency(s string) bool {
	_, err := currency.ParseISO(s)
	return err == nil && len(s) == 3 && strings.ToUpper(s) == s && s != "XXX"
}

// isCurrency reports whether the word is a code or a symbol.
func isCurrency(word string) bool {
	return shared[word] || symbols[word] != "" || isISOCurrency(strings.ToUpper(word))
}

// currencyOf finds the currency in a text: all that is no part of a number.
func currencyOf(s, otherwise string) (string, error) {
	if len(s) > longestName {
		return "", fmt.Errorf("%.60q is too long for an amount", s)
	}
	words := strings.FieldsFunc(s, func(r rune) bool {
		return unicode.IsDigit(r) || unicode.IsSpace(r) || strings.ContainsRune("+-−()'’,", r)
	})
	words = slices.DeleteFunc(words, func(w string) bool { return strings.Trim(w, ".") == "" })
	if len(words) != 1 {
		return "", fmt.Errorf("%.60q names no currency", s)
	}
	for _, w := range []string{words[0], strings.Trim(words[0], ".")} {
		switch {
		case symbols[w] != "":
			return symbols[w], nil
		case shared[w] && otherwise != "":
			return otherwise, nil
		case shared[w]:
			return "", fmt.Errorf("%s is of several currencies; say which to take: currency(s, 'USD')", w)
		case isISOCurrency(strings.ToUpper(w)):
			return strings.ToUpper(w), nil
		}
	}
	return "", fmt.Errorf("%.60q names no currency", s)
}
