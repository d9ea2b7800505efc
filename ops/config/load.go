package config

import (
	"errors"
	"os"
	"slices"

	"sluice/schemas"
)

// Loader reads a configuration for one purpose.
type Loader struct {
	// Needs are the paths whose variables must be set ("kafka",
	// "captures.erp"), so that a role needs only its own secrets; empty: all.
	// The rest of the file is decoded all the same, but a part that lacks a
	// variable is not validated.
	Needs []string
	// Embedded leaves kafka and registry unvalidated where the file names no
	// brokers: the caller starts them itself.
	Embedded bool
	// Env looks up a variable; nil: os.LookupEnv.
	Env func(string) (string, bool)
}

// Load reads the file, with every variable, defaults and validation done. The
// error is one *schemas.Fault, or several of errors.Join.
func Load(path string) (*File, error) { return Loader{}.Load(path) }

// Load is the package's Load for the purpose of l.
func (l Loader) Load(path string) (*File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, &schemas.Fault{
			Where: path, What: "the configuration cannot be read", Err: cause(err),
			Cure: "name the file with --config FILE or SLUICE_CONFIG",
		}
	}
	return l.Parse(path, data)
}

// Parse is Load of bytes that were read already; path is for messages and for
// relative ${file:PATH}.
func (l Loader) Parse(path string, data []byte) (*File, error) {
	env := l.Env
	if env == nil {
		env = os.LookupEnv
	}
	d := newDecoder(path, env, l.Needs)
	f := &File{Path: path}
	d.document(data, f)
	f.places = d.places
	faults := d.faults
	if len(faults) == 0 {
		// What was decoded in part would be blamed for what it lacks.
		f.defaults()
		faults = f.validate(d.unset, l.Embedded)
	}
	if len(faults) > 0 {
		slices.SortStableFunc(faults, f.places.byPlace)
		return nil, joined(faults)
	}
	return f, nil
}

// joined is errors.Join, but of one error that error itself.
func joined(errs []error) error {
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}
