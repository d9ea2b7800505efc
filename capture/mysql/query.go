package mysql

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"sluice/schemas"
)

// query reads a statement of the log (MySQL source, Query_event).
func (d *decoder) query(ctx context.Context, compressed bool, b []byte) error {
	r := &reader{b: b}
	thread := r.u32()
	r.u32()
	n := int(r.u8())
	r.u16()
	r.bytes(int(r.u16()))
	schema := string(r.bytes(n))
	r.u8()
	if r.short {
		return errShort
	}
	text := r.b
	if compressed {
		var err error
		if text, err = expandEvent(text); err != nil {
			return err
		}
	}
	s := parseStatement(text)
	switch {
	case s.verb == "BEGIN":
		d.hand.begun, d.hand.thread = true, int64(thread)
		return nil
	case s.verb == "COMMIT" && d.hand.begun:
		return d.finish()
	case s.verb == "ROLLBACK" && d.hand.begun:
		if d.hand.row > 0 {
			return d.rolledBack(text)
		}
		if len(s.words) > 1 && s.words[1] == "TO" {
			return nil
		}
		return d.finish()
	case s.verb == "XA":
		return d.xaStatement(&s, text)
	case s.verb == "SAVEPOINT":
		return nil
	}
	if err := d.statementOf(ctx, schema, &s, text); err != nil {
		return err
	}
	if d.hand.begun { // such as CREATE TABLE ... SELECT, before its rows
		return nil
	}
	return d.finish()
}

// rolledBack refuses rows that the log takes back, as it may where tables of
// engines with and without transactions are mixed.
func (d *decoder) rolledBack(text []byte) error {
	return &schemas.Fault{
		Where: fmt.Sprintf("the log at %s", d.at), What: fmt.Sprintf("a transaction that wrote tables without transactions takes rows back (%s)", excerpt(text)),
		Cure: "convert such tables: ALTER TABLE ... ENGINE=InnoDB; " + d.source.resnapshot(),
	}
}

// statement is what is known of a statement without a grammar: its words, upper
// case unless they were quoted.
type statement struct {
	verb  string
	words []string
	names []string // all that may be names, as written
}

// maxWords is how much of a statement is looked at: more than any list of tables.
const maxWords = 10_000

// parseStatement cuts a statement into words. Comments that the server executes
// count as text.
func parseStatement(q []byte) statement {
	var s statement
	for len(q) > 0 && len(s.words) < maxWords {
		c := q[0]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ';':
			q = q[1:]
		case bytes.HasPrefix(q, []byte("/*!")) || bytes.HasPrefix(q, []byte("/*M!")):
			q = bytes.TrimLeft(q[bytes.IndexByte(q, '!')+1:], "0123456789")
		case bytes.HasPrefix(q, []byte("/*")):
			end := bytes.Index(q, []byte("*/"))
			if end < 0 {
				return s
			}
			q = q[end+2:]
		case bytes.HasPrefix(q, []byte("*/")):
			q = q[2:]
		case c == '#' || bytes.HasPrefix(q, []byte("-- ")):
			end := bytes.IndexByte(q, '\n')
			if end < 0 {
				return s
			}
			q = q[end:]
		case c == '`' || c == '"' || c == '\'':
			var word string
			word, q = quotedWord(q)
			if c != '\'' {
				s.words, s.names = append(s.words, word), append(s.names, word)
			} else {
				s.words = append(s.words, "'")
			}
		case isWord(c):
			n := 1
			for n < len(q) && isWord(q[n]) {
				n++
			}
			s.words, s.names = append(s.words, strings.ToUpper(string(q[:n]))), append(s.names, string(q[:n]))
			q = q[n:]
		default:
			s.words = append(s.words, string(q[:1]))
			q = q[1:]
		}
	}
	if len(s.words) > 0 {
		s.verb = s.words[0]
	}
	return s
}

func isWord(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// quotedWord reads a word in quotes, which are doubled inside.
func quotedWord(q []byte) (string, []byte) {
	mark := q[0]
	var out []byte
	for i := 1; i < len(q); i++ {
		switch {
		case q[i] == '\\' && mark != '`' && i+1 < len(q):
			i++
			out = append(out, q[i])
		case q[i] != mark:
			out = append(out, q[i])
		case i+1 < len(q) && q[i+1] == mark:
			i++
			out = append(out, mark)
		default:
			return string(out), q[i+1:]
		}
	}
	return string(out), nil
}

// table reads "[schema.]table" at the word i of names that were not folded.
func (s *statement) table(q []byte, skip ...string) (schema, name string) {
	words := rawWords(q)
	i := 0
	for i < len(words) && containsFold(skip, words[i]) {
		i++
	}
	if i >= len(words) {
		return "", ""
	}
	if i+2 < len(words) && words[i+1] == "." {
		return words[i], words[i+2]
	}
	return "", words[i]
}

// rawWords are the first words of a statement as they were written.
func rawWords(q []byte) []string {
	var out []string
	s := parseStatement(q[:min(len(q), 4096)])
	n := 0
	for _, w := range s.words {
		if n < len(s.names) && strings.EqualFold(w, s.names[n]) {
			out = append(out, s.names[n])
			n++
			continue
		}
		out = append(out, w)
	}
	return out
}

func containsFold(list []string, word string) bool {
	for _, w := range list {
		if strings.EqualFold(w, word) {
			return true
		}
	}
	return false
}

// statementOf looks at a statement that is no part of a transaction's frame.
func (d *decoder) statementOf(ctx context.Context, schema string, s *statement, text []byte) error {
	switch s.verb {
	case "INSERT", "UPDATE", "DELETE", "REPLACE", "LOAD", "WITH", "CALL":
		return d.written(schema, s, text)
	case "TRUNCATE":
		of, name := s.table(text, "TRUNCATE", "TABLE")
		if of == "" {
			of = schema
		}
		return d.truncate(ctx, of, name)
	case "CREATE", "ALTER", "DROP", "RENAME":
		d.source.altered(schema, s, text)
		clear(d.tables)
	}
	return nil
}

// written refuses a statement that wrote rows which the log does not hold, if it
// may be of a captured table.
func (d *decoder) written(schema string, s *statement, text []byte) error {
	for _, t := range d.source.names() {
		of, name, _ := strings.Cut(t, ".")
		if strings.EqualFold(of, schema) || containsFold(s.names, of) || containsFold(s.names, name) {
			return d.statement(string(text[:min(len(text), 60)]))
		}
	}
	return nil
}

func (d *decoder) statement(text string) error {
	return &schemas.Fault{
		Where: fmt.Sprintf("the log at %s", d.at), What: fmt.Sprintf("a session logged a statement and not its rows (binlog_format STATEMENT or MIXED): %q", text),
		Cure: "as an administrator: SET GLOBAL binlog_format = 'ROW'; and see which session sets its own; " + d.source.resnapshot(),
	}
}

// truncate makes the change of a table that was emptied.
func (d *decoder) truncate(ctx context.Context, schema, name string) error {
	rel := d.source.known(schema, name)
	if rel == nil {
		return nil
	}
	d.hand.row++
	if d.durable() && !d.counts.on {
		return nil
	}
	b := d.stream.cur
	b.time = d.hand.time
	return d.append(ctx, b, schemas.Change{Op: schemas.Truncate, Table: rel.table, Source: d.sourceOf(b, rel)}, "")
}
