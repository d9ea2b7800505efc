package cli

import (
	"errors"

	"github.com/alecthomas/kong"

	"sluice/schemas"
)

// parseError says what of the command line was not understood, and which help
// to read.
func parseError(err error) error {
	var pe *kong.ParseError
	cure := "see: sluice --help"
	if errors.As(err, &pe) && pe.Context != nil && pe.Context.Selected() != nil {
		cure = "see: " + pe.Context.Selected().FullPath() + " --help"
	}
	return &schemas.Fault{What: err.Error(), Cure: cure}
}
