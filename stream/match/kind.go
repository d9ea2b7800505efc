package match

// Kind says what a field holds, and by that how it is normalised and compared.
type Kind string

// The kinds of fields. A person's name may come in one column, in two, or in
// both ways: all of them are taken together.
const (
	Full       Kind = "full name"
	Given      Kind = "given name"
	Family     Kind = "family name"
	Company    Kind = "company"
	Email      Kind = "email"
	Phone      Kind = "phone"
	Street     Kind = "street"
	House      Kind = "house number"
	City       Kind = "city"
	Region     Kind = "region"
	Postcode   Kind = "postcode"
	Date       Kind = "date"
	Category   Kind = "category"
	Identifier Kind = "identifier"
	Number     Kind = "number"
	Text       Kind = "text"
	List       Kind = "list"
	Ignore     Kind = "ignore"
)

// level is how far two values agree, with the shares of duplicates (m) and of
// unlike records (u) that do so where nothing was learned yet.
type level struct {
	name string
	m, u float64
}

// method is how a kind is compared.
type method struct {
	levels []level // from the best to "different", which is the last
	// agree is how many of the levels are an agreement, of which it is known
	// what share of records has the value.
	agree int
	// exact is how many of them are agreements on one value: these are weighed
	// by the value's frequency in full, the rest of agree by half of it.
	exact int
}

// methods are the comparisons. The numbers are what people make of their data
// in general; training replaces them.
var methods = map[Kind]method{
	Given: {[]level{
		{"exact", .70, .010},
		{"nickname", .06, .004},
		{"close", .08, .004},
		{"initial", .03, .010},
		{"another shared", .04, .010},
		{"alike", .02, .02},
		{"different", .07, .94},
	}, 3, 1},
	Family: {[]level{
		{"exact", .80, .002}, {"close", .09, .002}, {"alike", .03, .008}, {"crossed", .02, .002}, {"different", .06, .986},
	}, 3, 1},
	Company: {[]level{
		{"exact", .65, .0005}, {"close", .12, .0005}, {"shares words", .12, .004}, {"alike", .05, .01}, {"different", .06, .985},
	}, 2, 1},
	Email: {[]level{
		{"exact", .70, .001}, {"one error", .05, .0002}, {"same mailbox name", .05, .0005}, {"alike", .05, .004}, {"different", .15, .995},
	}, 2, 1},
	Phone: {[]level{
		{"exact", .70, .0002}, {"last seven digits", .05, .0001}, {"one error", .05, .0002}, {"different", .20, .9995},
	}, 1, 1},
	Street: {[]level{
		{"exact", .65, .001}, {"close", .13, .001}, {"shares words", .05, .05}, {"alike", .05, .05}, {"different", .12, .898},
	}, 2, 1},
	House: {[]level{
		{"exact", .80, .02}, {"one error", .07, .08}, {"different", .13, .90},
	}, 1, 1},
	City: {[]level{
		{"exact", .72, .01}, {"close", .08, .005}, {"shares words", .05, .01}, {"different", .15, .975},
	}, 2, 1},
	Region: {[]level{
		{"exact", .88, .15}, {"different", .12, .85},
	}, 1, 1},
	Postcode: {[]level{
		{"exact", .75, .002}, {"one error", .07, .003}, {"same area", .05, .01}, {"different", .13, .985},
	}, 2, 1},
	Date: {[]level{
		{"exact", .79, .0002},
		{"first of January", .02, .0003},
		{"one error", .10, .0015},
		{"day and month swapped", .01, .0002},
		{"year alone", .02, .008},
		{"two errors", .04, .01},
		{"same year", .01, .01},
		{"different", .04, .97},
	}, 2, 2},
	Category: {[]level{
		{"exact", .85, .10}, {"different", .15, .90},
	}, 1, 1},
	Identifier: {[]level{
		{"exact", .86, .00001}, {"one error", .08, .00002}, {"two errors", .03, .0005}, {"different", .03, .99947},
	}, 1, 1},
	Number: {[]level{
		{"equal", .75, .02}, {"within 1 %", .05, .01}, {"within 10 %", .08, .08}, {"different", .12, .89},
	}, 1, 1},
	Text: {[]level{
		{"exact", .50, .001}, {"close", .20, .002}, {"alike", .15, .02}, {"different", .15, .977},
	}, 1, 1},
	List: {[]level{
		{"equal", .50, .005}, {"two shared", .20, .005}, {"one shared", .20, .03}, {"different", .10, .96},
	}, 1, 1},
}

// under says which kind's agreement makes another's likely, so that the two are
// not counted twice: who lives at the same postcode
// lives in the same city, and a family shares its address and often a telephone.
var under = map[Kind][]Kind{
	Phone:    {Email},
	Postcode: {Family},
	City:     {Postcode},
	Region:   {Postcode, City},
	Street:   {Postcode, City},
	House:    {Street},
	Category: {Given},
}

// Known reports whether the kind exists.
func (k Kind) Known() bool {
	_, ok := methods[k]
	return ok || k == Full || k == Ignore
}
