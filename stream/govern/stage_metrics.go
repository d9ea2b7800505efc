package govern

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// conflictsMetric counts the conflicts, by the field and the system that won.
func conflictsMetric(entity string, reg prometheus.Registerer) (*prometheus.CounterVec, error) {
	if reg == nil {
		reg = prometheus.NewRegistry()
	}
	conflicts := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_govern_conflicts_total",
		Help: "Merges of golden records in which the sources disagreed about a field, by the system whose value it has.",
	}, []string{"entity", "field", "winner"})
	var there prometheus.AlreadyRegisteredError
	if err := reg.Register(conflicts); errors.As(err, &there) {
		if old, ok := there.ExistingCollector.(*prometheus.CounterVec); ok {
			conflicts = old // another entity was first
		}
	} else if err != nil {
		return nil, fmt.Errorf("registering a metric: %w", err)
	}
	return conflicts.MustCurryWith(prometheus.Labels{"entity": entity}), nil
}

type conflictKey struct {
	field  int
	winner string
}

// conflict is the counter of a field and its winner.
func (s *Stage) conflict(field int, winner string) prometheus.Counter {
	key := conflictKey{field, winner}
	c, ok := s.counted[key]
	if !ok {
		key.winner = s.intern([]byte(winner))
		c = s.conflicts.WithLabelValues(s.policy.Table().Columns[field].Name, key.winner)
		s.counted[key] = c
	}
	return c
}

// stamp is what the authority adds to the version of the rules.
func (a *Authority) stamp() string {
	text, err := json.Marshal(a)
	if err != nil {
		panic(err) // strings, numbers and maps of them always have a JSON form
	}
	sum := sha256.Sum256(text)
	return "." + hex.EncodeToString(sum[:4])
}

// Waiting is what the stage is waiting for; "": nothing that it knows of. It may be
// called from any goroutine.
func (s *Stage) Waiting() string {
	if m, ok := s.memory.(interface{ Doing() string }); ok {
		return m.Doing()
	}
	return ""
}
