package local

import (
	"fmt"
	"os"
	"path/filepath"

	"sluice/schemas"
)

// PartPostGIS is the extension for the Postgres of Debian's packages. Elsewhere it
// is not installed, and the tests of its types are left out.
const PartPostGIS Part = "postgis"

// postgisSource is found where the newest Postgres of the machine has it.
func postgisSource() source {
	bin, err := findPostgres()
	if err != nil {
		return source{find: func() error { return err }, packages: []string{"postgresql", "postgresql-postgis"}}
	}
	version := lastNumber(filepath.Dir(bin))
	control := fmt.Sprintf("/usr/share/postgresql/%d/extension/postgis.control", version)
	return source{
		find: func() error {
			if _, err := os.Stat(control); err != nil {
				return &schemas.Fault{
					Where: "postgis", What: fmt.Sprintf("PostgreSQL %d has no such extension", version), Err: ErrMissing,
					Cure: fmt.Sprintf("install it: apt-get install postgresql-%d-postgis-3", version),
				}
			}
			return nil
		},
		packages: []string{fmt.Sprintf("postgresql-%d-postgis-3", version)},
	}
}
