package schemas

import "strings"

// Fault is an error that a person can act upon. It reads as one line:
// "where: what: cause; cure".
type Fault struct {
	// Where is the place: a path in the configuration ("captures.erp.tables[2]"),
	// a file, a table, a topic with partition and offset.
	Where string
	// What is wrong, in plain words.
	What string
	// Cure is what to do, with the command or SQL to paste where there is one.
	Cure string
	// Err is the cause, if another error is.
	Err error
}

// Error joins the parts into one line.
func (f *Fault) Error() string {
	var parts []string
	for _, p := range []string{f.Where, f.What} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	if f.Err != nil {
		parts = append(parts, f.Err.Error())
	}
	s := strings.Join(parts, ": ")
	if f.Cure != "" {
		s += "; " + f.Cure
	}
	return strings.ReplaceAll(s, "\n", " ")
}

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Err }
