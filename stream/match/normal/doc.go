// Package normal brings the values of fields into the form in which they can be
// compared: what two spellings of the same thing share, and nothing more.
//
//	Fold        lower case, no diacritics, Latin letters, single spaces
//	Person      titles, order, particles, given names and family name apart
//	SameGiven   nicknames: bill and william
//	Company     legal forms and stop words dropped
//	Email       tags after +, and dots where the provider ignores them
//	Phone       E.164, with a region for numbers without a country
//	Street      abbreviations of street types, house number apart
//	Postcode    one spelling, and its area
//	Date        year, month, day as eight digits, wrong ones kept as written
//
// Nothing is refused: a value that has no normal form becomes the empty text,
// which is "missing" to the comparisons, or stays as folded text.
package normal
