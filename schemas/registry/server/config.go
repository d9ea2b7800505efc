package server

import (
	"net/http"

	"sluice/schemas/registry/compat"
)

// The compatibility level of a subject, or without one the global level.

func (s *Server) config(r *http.Request) (any, error) {
	subject := r.PathValue("subject")
	var level compat.Level
	var own bool
	s.read(r, func(st *store) {
		if level, own = st.config[subject]; !own && flag(r, "defaultToGlobal") {
			level, own = st.level(subject), true
		}
	})
	if !own {
		return nil, refuse(http.StatusNotFound, 40408, "Subject '%s' does not have subject-level compatibility configured", subject)
	}
	return map[string]string{"compatibilityLevel": string(level)}, nil
}

func (s *Server) setConfig(r *http.Request) (any, error) {
	var body struct {
		Compatibility string `json:"compatibility"`
	}
	if err := readBody(r, &body); err != nil {
		return nil, err
	}
	level, err := compat.ParseLevel(body.Compatibility)
	if err != nil {
		return nil, badLevel()
	}
	err = s.journal.update(r.Context(), func(*store) ([]entry, error) {
		return []entry{{configKeyOf(r), configValue{string(level)}}}, nil
	})
	return map[string]string{"compatibility": string(level)}, err
}

func (s *Server) deleteConfig(r *http.Request) (any, error) {
	subject := r.PathValue("subject")
	var level compat.Level
	err := s.journal.update(r.Context(), func(st *store) ([]entry, error) {
		var own bool
		if level, own = st.config[subject]; !own {
			return nil, noSubject(subject)
		}
		return []entry{{key: configKeyOf(r)}}, nil
	})
	return map[string]string{"compatibilityLevel": string(level)}, err
}

func configKeyOf(r *http.Request) configKey {
	k := configKey{Type: "CONFIG"}
	if subject := r.PathValue("subject"); subject != "" {
		k.Subject = &subject
	}
	return k
}
