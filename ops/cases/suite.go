package cases

import (
	"fmt"
	"strings"

	"sluice/schemas"
)

// Suite is the tests of one entity. In the configuration it is a block, or the
// name of a file that has the block.
type Suite struct {
	// Tables are the columns of each raw topic, declared as SQL does:
	// id: bigint primary key.
	Tables map[string]map[string]string `yaml:"tables"`
	Cases  []Case                       `yaml:"cases"`

	// File is where the suite stands, if not in the configuration.
	File string `yaml:"-"`
}

// UnmarshalText takes the name of a file.
func (s *Suite) UnmarshalText(text []byte) error {
	s.File = string(text)
	return nil
}

// Case is one change and what becomes of it: exactly one of Expect, Deleted,
// Filtered and Parked.
type Case struct {
	Name string `yaml:"name"`
	// Topic is the raw topic; it may be left out where the entity has one.
	Topic string `yaml:"topic"`
	// Op is create (by default), read, update or delete, or its letter.
	Op string `yaml:"op"`
	// Given are the columns; those left out are NULL, but in a delete, which has
	// the key alone.
	Given map[string]any `yaml:"given"`
	// Unchanged are columns that the database did not send (TOAST).
	Unchanged []string `yaml:"unchanged"`

	// Expect are fields of the entity.
	Expect map[string]any `yaml:"expect"`
	// Whole says that the fields that Expect leaves out are null.
	Whole bool `yaml:"whole"`
	// Key is the entity's key, if it is looked at.
	Key string `yaml:"key"`
	// Deleted expects a tombstone.
	Deleted bool `yaml:"deleted"`
	// Filtered is the reason of the filter: when, tombstone, message.
	Filtered string `yaml:"filtered"`
	// Parked is a part of the error, or the reason.
	Parked string `yaml:"parked"`
}

// title names the case in a report.
func (c *Case) title(i int) string {
	if c.Name != "" {
		return c.Name
	}
	return fmt.Sprintf("case %d", i+1)
}

var ops = map[string]schemas.Op{
	"": schemas.Create, "create": schemas.Create, "c": schemas.Create, "read": schemas.Read, "r": schemas.Read,
	"update": schemas.Update, "u": schemas.Update, "delete": schemas.Delete, "d": schemas.Delete,
}

// Validate checks what needs no table. The faults' paths are such as
// "cases[2].op".
func (s *Suite) Validate() []error {
	var faults []error
	for i := range s.Cases {
		c, at := &s.Cases[i], fmt.Sprintf("cases[%d]", i)
		if _, ok := ops[c.Op]; !ok {
			faults = append(faults, &schemas.Fault{Where: at + ".op", What: fmt.Sprintf("%q is no operation", c.Op), Cure: "write create, read, update or delete"})
		}
		var expects []string
		for name, is := range map[string]bool{"expect": c.Expect != nil, "deleted": c.Deleted, "filtered": c.Filtered != "", "parked": c.Parked != ""} {
			if is {
				expects = append(expects, name)
			}
		}
		if len(expects) != 1 {
			faults = append(faults, &schemas.Fault{Where: at, What: fmt.Sprintf("the case expects %d things", len(expects)), Cure: "write one of: expect, deleted, filtered, parked"})
		}
	}
	for topic, columns := range s.Tables {
		if _, err := declared(topic, columns); err != nil {
			faults = append(faults, err)
		}
	}
	return faults
}

// Table is the declared table of the topic; nil if there is none.
func (s *Suite) Table(topic string) (*schemas.Table, error) {
	columns, ok := s.Tables[topic]
	if !ok {
		return nil, nil
	}
	return declared(topic, columns)
}

// tableName splits the topic's name: <capture>.<schema>.<table>.
func tableName(topic string) (schema, name string) {
	parts := strings.SplitN(topic, ".", 3)
	if len(parts) < 3 {
		return "", topic
	}
	return parts[1], parts[2]
}
