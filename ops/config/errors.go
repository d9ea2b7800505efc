package config

import "errors"

// errUnset says that a variable or a secret's file is missing. It is no fault
// where the role does not need the value.
var errUnset = errors.New("it does not exist")
