package server

import (
	"net/http"
	"strings"

	"sluice/schemas/registry/compat"
)

type versionAnswer struct {
	Subject string `json:"subject"`
	Version int    `json:"version"`
	ID      int    `json:"id"`
	Schema  string `json:"schema"`
}

func (s *Server) subjects(r *http.Request) (any, error) {
	prefix, names := r.URL.Query().Get("subjectPrefix"), []string{}
	s.read(r, func(st *store) {
		for _, name := range st.names(flag(r, "deleted")) {
			if strings.HasPrefix(name, prefix) {
				names = append(names, name)
			}
		}
	})
	return names, nil
}

func (s *Server) versions(r *http.Request) (answer any, err error) {
	subject := r.PathValue("subject")
	s.read(r, func(st *store) {
		numbers := []int{}
		for _, v := range st.versions(subject, flag(r, "deleted")) {
			numbers = append(numbers, v.number)
		}
		if answer = numbers; len(numbers) == 0 {
			err = noSubject(subject)
		}
	})
	return answer, err
}

func (s *Server) version(r *http.Request) (any, error) {
	var answer versionAnswer
	var err error
	s.read(r, func(st *store) {
		var v *version
		if v, err = st.find(r.PathValue("subject"), r.PathValue("version"), flag(r, "deleted")); err == nil {
			answer = versionAnswer{v.subject, v.number, v.id, st.texts[v.id]}
		}
	})
	return answer, err
}

func (s *Server) versionText(r *http.Request) (any, error) {
	v, err := s.version(r)
	if err != nil {
		return nil, err
	}
	return text(v.(versionAnswer).Schema), nil
}

// find returns a version by its number in words, or the latest.
func (s *store) find(subject, text string, deleted bool) (*version, error) {
	n, ok := number(text)
	latest := text == "latest" || text == "-1"
	if !ok && !latest {
		return nil, badVersion(text)
	}
	all := s.versions(subject, deleted)
	if len(all) == 0 {
		return nil, noSubject(subject)
	}
	if latest {
		return all[len(all)-1], nil
	}
	for _, v := range all {
		if v.number == n {
			return v, nil
		}
	}
	return nil, noVersion(text)
}

// same returns the newest version of the subject that has the schema.
func (s *store) same(subject string, req *request, deleted bool) *version {
	id, known := s.ids[req.canonical]
	if !known {
		return nil
	}
	var found *version
	for _, v := range s.versions(subject, deleted) {
		if v.id == id {
			found = v
		}
	}
	return found
}

func (s *Server) lookup(r *http.Request) (any, error) {
	subject := r.PathValue("subject")
	req, err := readSchema(r)
	if err != nil {
		return nil, err
	}
	var answer versionAnswer
	s.read(r, func(st *store) {
		deleted := flag(r, "deleted")
		v := st.same(subject, req, deleted)
		switch {
		case v != nil:
			answer = versionAnswer{v.subject, v.number, v.id, st.texts[v.id]}
		case len(st.versions(subject, deleted)) == 0:
			err = noSubject(subject)
		default:
			err = noSchema()
		}
	})
	return answer, err
}

// register gives a schema an id: that which it has, if any subject has it, else
// the next one.
func (s *Server) register(r *http.Request) (any, error) {
	subject := r.PathValue("subject")
	req, err := readSchema(r)
	if err != nil {
		return nil, err
	}
	id := 0
	err = s.journal.update(r.Context(), func(st *store) ([]entry, error) {
		if v := st.same(subject, req, false); v != nil {
			id = v.id
			return nil, nil
		}
		reasons, err := st.check(st.level(subject), req.parsed, st.versions(subject, false))
		if err != nil {
			return nil, err
		}
		if len(reasons) > 0 {
			return nil, refuse(http.StatusConflict, http.StatusConflict,
				"Schema being registered is incompatible with an earlier schema for subject \"%s\" (compatibility %s): %s",
				subject, st.level(subject), strings.Join(reasons, "; "))
		}
		number := 1
		if all := st.versions(subject, true); len(all) > 0 {
			number = all[len(all)-1].number + 1
		}
		var known bool
		if id, known = st.ids[req.canonical]; !known {
			id = st.maxID + 1
		}
		return []entry{{
			key{Type: "SCHEMA", Subject: &subject, Version: number, Magic: 1},
			schemaValue{Subject: subject, Version: number, ID: id, Schema: req.Schema},
		}}, nil
	})
	if err != nil {
		return nil, err
	}
	return map[string]int{"id": id}, nil
}

// check applies a level to a schema and what came before it.
func (s *store) check(level compat.Level, next *compat.Schema, before []*version) ([]string, error) {
	var older []compat.Version
	for _, v := range before {
		parsed, err := compat.Parse(s.texts[v.id])
		if err != nil {
			return nil, refuse(http.StatusInternalServerError, 50001, "version %d of subject '%s' cannot be read: %v", v.number, v.subject, err)
		}
		older = append(older, compat.Version{Number: v.number, Schema: parsed})
	}
	return level.Check(next, older), nil
}

// compatible tests a schema against one version, or without a version against
// those that the level names.
func (s *Server) compatible(r *http.Request) (any, error) {
	subject, wanted := r.PathValue("subject"), r.PathValue("version")
	req, err := readSchema(r)
	if err != nil {
		return nil, err
	}
	var reasons []string
	s.read(r, func(st *store) {
		before := st.versions(subject, false)
		if wanted != "" {
			var v *version
			if v, err = st.find(subject, wanted, false); err != nil {
				return
			}
			before = []*version{v}
		}
		reasons, err = st.check(st.level(subject), req.parsed, before)
	})
	if err != nil {
		return nil, err
	}
	answer := map[string]any{"is_compatible": len(reasons) == 0}
	if flag(r, "verbose") && len(reasons) > 0 {
		answer["messages"] = reasons
	}
	return answer, nil
}
