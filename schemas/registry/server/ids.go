package server

import "net/http"

// schema returns a schema by its id. An id never changes its schema, so what is
// in memory is answered without a look at the topic.
func (s *Server) schema(r *http.Request) (any, error) {
	t, err := s.schemaText(r)
	if err != nil {
		return nil, err
	}
	return map[string]string{"schema": string(t.(text))}, nil
}

func (s *Server) schemaText(r *http.Request) (any, error) {
	id, ok := number(r.PathValue("id"))
	if !ok {
		return nil, noSchema()
	}
	var found string
	s.journal.view(func(st *store) { found, ok = st.texts[id] })
	if !ok {
		s.read(r, func(st *store) { found, ok = st.texts[id] })
	}
	if !ok {
		return nil, refuse(http.StatusNotFound, 40403, "Schema %d not found", id)
	}
	return text(found), nil
}

func (s *Server) schemaVersions(r *http.Request) (any, error) {
	type use struct {
		Subject string `json:"subject"`
		Version int    `json:"version"`
	}
	uses := []use{}
	err := s.eachUse(r, func(v *version) { uses = append(uses, use{v.subject, v.number}) })
	return uses, err
}

func (s *Server) schemaSubjects(r *http.Request) (any, error) {
	names := []string{}
	err := s.eachUse(r, func(v *version) {
		if len(names) == 0 || names[len(names)-1] != v.subject {
			names = append(names, v.subject)
		}
	})
	return names, err
}

func (s *Server) eachUse(r *http.Request, fn func(*version)) error {
	id, ok := number(r.PathValue("id"))
	s.read(r, func(st *store) {
		if _, known := st.texts[id]; !known {
			ok = false
			return
		}
		for _, v := range st.users(id, flag(r, "deleted")) {
			fn(v)
		}
	})
	if !ok {
		return noSchema()
	}
	return nil
}
