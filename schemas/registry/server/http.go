package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"sluice/schemas/registry/compat"
)

// maxBody bounds the bytes of a request, so of a schema.
const maxBody = 4 << 20

// text is an answer that is written as it is: a schema, which is JSON already.
type text string

func write(w http.ResponseWriter, status int, v any) {
	var body bytes.Buffer
	if t, ok := v.(text); ok {
		body.WriteString(string(t))
	} else {
		enc := json.NewEncoder(&body)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			status = http.StatusInternalServerError
		}
	}
	w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
	w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // the client is gone: nobody to tell
}

// request is the body of a register, lookup or compatibility request.
type request struct {
	Schema     string            `json:"schema"`
	Type       string            `json:"schemaType"`
	References []json.RawMessage `json:"references"`
	ID         int               `json:"id"`

	parsed    *compat.Schema
	canonical string
}

func readBody(r *http.Request, into any) error {
	if err := json.NewDecoder(r.Body).Decode(into); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return refuse(http.StatusRequestEntityTooLarge, 413, "the request is longer than %d bytes", large.Limit)
		}
		return refuse(http.StatusBadRequest, 400, "the request's body is no JSON of the API: %v", err)
	}
	return nil
}

func readSchema(r *http.Request) (*request, error) {
	var req request
	if err := readBody(r, &req); err != nil {
		return nil, err
	}
	switch {
	case req.Type != "" && req.Type != "AVRO":
		return nil, refuse(http.StatusUnprocessableEntity, 42201, "Invalid schema: type %s is not served here, only AVRO is", req.Type)
	case len(req.References) > 0:
		return nil, refuse(http.StatusUnprocessableEntity, 42201, "Invalid schema: references are not served here, write the schema in full")
	case req.ID > 0:
		return nil, refuse(http.StatusUnprocessableEntity, 42205, "an id cannot be asked for: the registry is not in IMPORT mode")
	}
	var err error
	if req.parsed, err = compat.Parse(req.Schema); err != nil {
		return nil, badSchema(err)
	}
	if req.canonical, err = compat.Canonical(req.Schema); err != nil {
		return nil, badSchema(err)
	}
	return &req, nil
}

// flag reads a query parameter that is true or false.
func flag(r *http.Request, name string) bool {
	on, _ := strconv.ParseBool(r.URL.Query().Get(name))
	return on
}

// number reads a version or id of the path.
func number(text string) (int, bool) {
	n, err := strconv.ParseInt(text, 10, 32)
	return int(n), err == nil && n >= 1 && n <= math.MaxInt32
}

// read calls fn with the store as it is now; where the brokers do not answer
// soon, with the store as it was last seen, which is better than nothing for a
// consumer that needs a schema.
func (s *Server) read(r *http.Request, fn func(*store)) {
	ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
	defer cancel()
	if err := s.journal.catchUp(ctx); err != nil && r.Context().Err() == nil {
		s.log.Warn("the registry answers from memory: its topic cannot be read", "topic", topic, "err", err)
	}
	s.journal.view(fn)
}
