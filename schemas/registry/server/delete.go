package server

import "net/http"

// deleteSubject hides all versions of a subject, or with ?permanent=true
// removes those that are hidden already.
func (s *Server) deleteSubject(r *http.Request) (any, error) {
	subject, permanent := r.PathValue("subject"), flag(r, "permanent")
	var numbers []int
	err := s.journal.update(r.Context(), func(st *store) ([]entry, error) {
		numbers = []int{}
		live, all := st.versions(subject, false), st.versions(subject, true)
		switch {
		case len(all) == 0:
			return nil, noSubject(subject)
		case permanent && len(live) > 0:
			return nil, refuse(http.StatusNotFound, 40405, "Subject '%s' was not deleted first before being permanently deleted", subject)
		case !permanent && len(live) == 0:
			return nil, refuse(http.StatusNotFound, 40404, "Subject '%s' was soft deleted. Set permanent=true to delete permanently", subject)
		}
		var entries []entry
		if permanent {
			for _, v := range all {
				numbers = append(numbers, v.number)
				entries = append(entries, entry{key: key{Type: "SCHEMA", Subject: &subject, Version: v.number, Magic: 1}})
			}
			if _, ok := st.config[subject]; ok {
				entries = append(entries, entry{key: configKey{Type: "CONFIG", Subject: &subject}})
			}
			return append(entries, entry{key: key{Type: "DELETE_SUBJECT", Subject: &subject}}), nil
		}
		for _, v := range live {
			numbers = append(numbers, v.number)
		}
		return []entry{{key{Type: "DELETE_SUBJECT", Subject: &subject}, deleteValue{subject, numbers[len(numbers)-1]}}}, nil
	})
	return numbers, err
}

// deleteVersion does the same with one version.
func (s *Server) deleteVersion(r *http.Request) (any, error) {
	subject, permanent := r.PathValue("subject"), flag(r, "permanent")
	gone := 0
	err := s.journal.update(r.Context(), func(st *store) ([]entry, error) {
		text := r.PathValue("version")
		_, numbered := number(text) // the latest is the latest that is not hidden
		v, err := st.find(subject, text, numbered || permanent)
		if err != nil {
			return nil, err
		}
		gone = v.number
		k := key{Type: "SCHEMA", Subject: &subject, Version: gone, Magic: 1}
		switch {
		case permanent && !v.deleted:
			return nil, refuse(http.StatusNotFound, 40407, "Subject '%s' Version %d was not deleted first before being permanently deleted", subject, gone)
		case permanent:
			return []entry{{key: k}}, nil
		case v.deleted:
			return nil, refuse(http.StatusNotFound, 40406, "Subject '%s' Version %d was soft deleted. Set permanent=true to delete permanently", subject, gone)
		}
		return []entry{{k, schemaValue{Subject: subject, Version: gone, ID: v.id, Schema: st.texts[v.id], Deleted: true}}}, nil
	})
	return gone, err
}
