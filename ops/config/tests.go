package config

import (
	"os"
	"path/filepath"

	"sluice/ops/cases"
	"sluice/schemas"
)

// Tests are the cases of an entity, with their places.
type Tests struct {
	cases.Suite
	places places
	prefix string
}

// Tests reads the tests of an entity, from its block or from the file that it
// names, which is relative to the configuration and decoded as strictly.
func (f *File) Tests(entity string) (*Tests, error) {
	suite := f.Entities[entity].Tests
	t := &Tests{Suite: suite, places: f.places, prefix: "entities." + entity + ".tests"}
	if suite.File != "" {
		path := suite.File
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(f.Path), path)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, f.places.fault(t.prefix, schemas.Fault{What: path + " cannot be read", Cure: "paths are relative to the folder of the configuration", Err: cause(err)})
		}
		d := newDecoder(path, os.LookupEnv, nil)
		d.document(data, &t.Suite)
		if len(d.faults) > 0 {
			return nil, joined(d.faults)
		}
		t.File, t.places, t.prefix = path, d.places, ""
	}
	var faults []error
	for _, err := range t.Validate() {
		faults = append(faults, t.places.locate(t.prefix, err)...)
	}
	return t, joined(faults)
}

// Where is the place of a path of the suite, such as "cases[2]".
func (t *Tests) Where(path string) string {
	return t.places.fault(join(t.prefix, path), schemas.Fault{}).Where
}
