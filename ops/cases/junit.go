package cases

import (
	"encoding/xml"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// JUnit writes the report that CI systems read: one suite an entity, one case a
// case, and one a battery, which fails where it crashed.
func JUnit(w io.Writer, results []Result, batteries []Battery) error {
	report := junitReport{Name: "sluice test"}
	at := map[string]int{}
	suite := func(entity string) *junitSuite {
		i, ok := at[entity]
		if !ok {
			i = len(report.Suites)
			at[entity] = i
			report.Suites = append(report.Suites, junitSuite{Name: entity})
		}
		return &report.Suites[i]
	}
	for _, r := range results {
		c := junitCase{Name: r.Case, Class: "entities." + r.Entity}
		c.File, c.Line = place(r.Where)
		if !r.Passed {
			c.Failure = &junitFailure{Message: printable(strings.Join(r.Problems, "; ")), Text: printable(strings.Join(r.Problems, "\n"))}
		}
		suite(r.Entity).add(c)
	}
	for _, b := range batteries {
		c := junitCase{Name: "battery of " + b.Topic, Class: "entities." + b.Entity}
		if b.Crashed > 0 {
			c.Failure = &junitFailure{Message: fmt.Sprintf("%d of %d rows crashed the rules", b.Crashed, b.Rows)}
		}
		for _, f := range b.Found {
			c.Out += printable(fmt.Sprintf("%s: %s: %d, by %s: %s\n", f.Field, f.Reason, f.Count, strings.Join(f.By, ", "), f.Example))
		}
		suite(b.Entity).add(c)
	}
	for _, s := range report.Suites {
		report.Tests, report.Failures = report.Tests+s.Tests, report.Failures+s.Failures
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(report); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}

var placed = regexp.MustCompile(`^(.+?):(\d+):\d+: `)

// place parts a case's place into the file and the line, which CI systems link
// to.
func place(where string) (file string, line int) {
	m := placed.FindStringSubmatch(where)
	if m == nil {
		return where, 0
	}
	line, _ = strconv.Atoi(m[2])
	return m[1], line
}

type junitReport struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Cases    []junitCase `xml:"testcase"`
}

func (s *junitSuite) add(c junitCase) {
	s.Tests++
	if c.Failure != nil {
		s.Failures++
	}
	s.Cases = append(s.Cases, c)
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	File    string        `xml:"file,attr,omitempty"`
	Line    int           `xml:"line,attr,omitempty"`
	Failure *junitFailure `xml:"failure,omitempty"`
	Out     string        `xml:"system-out,omitempty"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// printable leaves what XML 1.0 can hold.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r >= 0x20 && r != 0xfffd && r != 0xfffe && r != 0xffff {
			return r
		}
		return '?'
	}, s)
}
