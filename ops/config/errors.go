package config

import (
	"fmt"
	"io/fs"
)

// errUnset says that a variable is not set. Like a secret's file that does not
// exist, it is no fault where the role does not need the value.
var errUnset = fmt.Errorf("not set: %w", fs.ErrNotExist)
