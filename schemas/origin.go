package schemas

import "bytes"

// The tag by which a sink marks what it writes to a database, so that the capture
// of that database sees whose change it is:
//
//	PostgreSQL   the replication origin of the session, OriginName; the change's
//	             source block has it as "origin":
//	             SELECT pg_replication_origin_session_setup('sluice.sink.crm')
//	MySQL        a comment that the statement begins with, OriginComment; where
//	             the server logs statements beside rows the source block has it in
//	             "query":
//	             /* sluice:sink=crm */ UPDATE contacts SET ...
const (
	originPrefix  = "sluice.sink."
	commentPrefix = "/* sluice:sink="
	commentSuffix = " */"
)

// OriginName is the name of the replication origin of a sink.
func OriginName(sink string) string { return originPrefix + sink }

// OriginComment is the comment that the statements of a sink begin with.
func OriginComment(sink string) string { return commentPrefix + sink + commentSuffix }

// Origin returns the name of the sink whose tag the change carries; "" if it has
// none. Only the beginning of a statement is looked at: what is in its values is
// not the sink's word.
func (c *Change) Origin() string {
	if c.Table == nil || c.Table.Source == nil || len(c.Source) != len(c.Table.Source.Columns) {
		return ""
	}
	for i := range c.Source {
		v := c.Source[i]
		if v.Kind != Text || len(v.Bytes) == 0 {
			continue
		}
		switch c.Table.Source.Columns[i].Name {
		case "origin":
			if name, ours := bytes.CutPrefix(v.Bytes, []byte(originPrefix)); ours {
				return string(name)
			}
		case "query":
			if name := commented(v.Bytes); name != "" {
				return name
			}
		}
	}
	return ""
}

// commented reads the tag from the comments that a statement begins with.
func commented(query []byte) string {
	for {
		query = bytes.TrimLeft(query, " \t\r\n")
		if !bytes.HasPrefix(query, []byte("/*")) {
			return ""
		}
		end := bytes.Index(query, []byte("*/"))
		if end < 0 {
			return ""
		}
		if name, ours := bytes.CutPrefix(query[:end+2], []byte(commentPrefix)); ours {
			return string(bytes.TrimSuffix(name, []byte(commentSuffix)))
		}
		query = query[end+2:]
	}
}
