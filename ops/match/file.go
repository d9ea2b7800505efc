package match

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"sluice/schemas"
)

// File holds the rows of one CSV file or of several with the same kind of
// records. It is a match.Rows.
type File struct {
	// Columns are the headers of all files, in order, each once.
	Columns []string
	// Paths are the files.
	Paths []string

	at   map[string]int
	rows []row
}

type row struct {
	cells []string // in the order of Columns
	file  int
	line  int
}

// Read reads files whole. The first line of each names its columns; the
// separator is a comma, semicolon, tab or bar, whichever the header has.
func Read(paths ...string) (*File, error) {
	f := &File{Paths: paths, at: map[string]int{}}
	for i, path := range paths {
		in, err := os.Open(path)
		if err != nil {
			return nil, &schemas.Fault{Where: path, What: "cannot be read", Cure: "name a CSV file with a header", Err: errors.Unwrap(err)}
		}
		err = f.add(i, in)
		in.Close()
		if err != nil {
			return nil, err
		}
	}
	for i := range f.rows {
		for len(f.rows[i].cells) < len(f.Columns) {
			f.rows[i].cells = append(f.rows[i].cells, "")
		}
	}
	return f, nil
}

func (f *File) add(file int, in io.Reader) error {
	path := f.Paths[file]
	buffered := bufio.NewReaderSize(in, 1<<16)
	head, _ := buffered.Peek(1 << 16)
	if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) {
		_, _ = buffered.Discard(3)
		head = head[3:]
	}
	r := csv.NewReader(buffered)
	r.Comma, r.TrimLeadingSpace, r.FieldsPerRecord = separator(head), true, -1
	header, err := r.Read()
	if err != nil {
		return f.broken(path, err, "is empty")
	}
	to := make([]int, len(header))
	for i, name := range header {
		name = strings.TrimSpace(name)
		if name == "" || slices.Contains(header[:i], header[i]) {
			return &schemas.Fault{Where: path + ":1", What: fmt.Sprintf("column %d has no name of its own: %q", i+1, name), Cure: "name each column in the first line, once"}
		}
		if _, ok := f.at[name]; !ok {
			f.at[name] = len(f.Columns)
			f.Columns = append(f.Columns, name)
		}
		to[i] = f.at[name]
	}
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return f.broken(path, err, "")
		}
		line, _ := r.FieldPos(0)
		if len(cells) != len(header) {
			return &schemas.Fault{
				Where: path + ":" + strconv.Itoa(line), What: fmt.Sprintf("has %d fields, the header %d", len(cells), len(header)),
				Cure: "put fields that hold the separator " + strconv.QuoteRune(r.Comma) + " in double quotes",
			}
		}
		out := make([]string, len(f.Columns))
		for i, c := range cells {
			if !utf8.ValidString(c) {
				return &schemas.Fault{
					Where: path + ":" + strconv.Itoa(line), What: "column " + header[i] + " is not UTF-8",
					Cure: "convert the file: iconv -f WINDOWS-1252 -t UTF-8 " + path,
				}
			}
			out[to[i]] = strings.TrimSpace(c)
		}
		f.rows = append(f.rows, row{out, file, line})
	}
}

func (f *File) broken(path string, err error, empty string) error {
	var parse *csv.ParseError
	switch {
	case errors.As(err, &parse):
		return &schemas.Fault{Where: path + ":" + strconv.Itoa(parse.Line), What: parse.Err.Error(), Cure: "write double quotes within a field twice"}
	case errors.Is(err, io.EOF):
		return &schemas.Fault{Where: path, What: empty, Cure: "name a CSV file with a header"}
	}
	return fmt.Errorf("reading %s: %w", path, err)
}

// separator is the one that the first line has most of.
func separator(head []byte) rune {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	best := ','
	for _, c := range ";\t|" {
		if bytes.Count(line, []byte(string(c))) > bytes.Count(line, []byte(string(best))) {
			best = c
		}
	}
	return best
}

// Len is the number of rows.
func (f *File) Len() int { return len(f.rows) }

// Cell is what a column of a row holds; nothing if there is no such column.
func (f *File) Cell(r int, column string) string {
	if i, ok := f.at[column]; ok {
		return f.rows[r].cells[i]
	}
	return ""
}

// ID names a row by its file and line.
func (f *File) ID(r int) string {
	return f.Paths[f.rows[r].file] + ":" + strconv.Itoa(f.rows[r].line)
}

// has reports whether there is such a column, or an error that lists them.
func (f *File) has(flag, column string) error {
	if _, ok := f.at[column]; ok {
		return nil
	}
	return &schemas.Fault{Where: flag, What: fmt.Sprintf("there is no column %q in %s", column, f.Paths[0]), Cure: "it has " + strings.Join(f.Columns, ", ")}
}
