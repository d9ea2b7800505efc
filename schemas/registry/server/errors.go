package server

import (
	"errors"
	"fmt"
	"net/http"
)

// apiError is an answer that is not 200, in the terms of the REST API.
type apiError struct {
	Status  int    `json:"-"`
	Code    int    `json:"error_code"`
	Message string `json:"message"`
}

// Error is the message.
func (e *apiError) Error() string { return e.Message }

func refuse(status, code int, format string, args ...any) error {
	return &apiError{status, code, fmt.Sprintf(format, args...)}
}

// The codes are those of Confluent's API reference; clients decide by them.

func noSubject(subject string) error {
	return refuse(http.StatusNotFound, 40401, "Subject '%s' not found.", subject)
}

func noVersion(version string) error {
	return refuse(http.StatusNotFound, 40402, "Version %s not found.", version)
}

func noSchema() error { return refuse(http.StatusNotFound, 40403, "Schema not found") }

func badSchema(err error) error {
	return refuse(http.StatusUnprocessableEntity, 42201, "Invalid schema: %v", err)
}

func badVersion(version string) error {
	return refuse(http.StatusUnprocessableEntity, 42202, "The specified version '%s' is not a valid version id. Allowed values are between [1, 2^31-1] and the string \"latest\"", version)
}

func badLevel() error {
	return refuse(http.StatusUnprocessableEntity, 42203, "Invalid compatibility level. Valid values are none, backward, forward, full, backward_transitive, forward_transitive, and full_transitive")
}

// refuse writes an error. What is no apiError is trouble with the topic.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var api *apiError
	if !errors.As(err, &api) {
		if r.Context().Err() == nil {
			s.log.Error("the registry cannot reach its topic", "topic", topic, "err", err)
		}
		api = &apiError{http.StatusInternalServerError, 50001, "Error in the backend data store: " + err.Error()}
	}
	write(w, api.Status, api)
}
