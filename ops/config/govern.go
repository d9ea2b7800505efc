package config

import (
	"slices"
	"strings"

	"sluice/stream/rules"
)

// Governed is the name of the stream that makes an entity's golden records of its
// contributions.
func Governed(entity string) string { return entity + ".govern" }

// Streams are the names of the streams that make an entity.
func (e *Entity) Streams(name string) []string {
	if e.Authority == nil {
		return []string{name}
	}
	return []string{name, Governed(name)}
}

// ContributionsTopic holds what the source records say of a governed entity.
func ContributionsTopic(entity string) string { return rules.ContributionsTopic(entity) }

// Systems are the captures that the entity is made from.
func (e *Entity) Systems() []string {
	var all []string
	for _, m := range e.Rules.From {
		name, _, _ := strings.Cut(m.Topic, ".")
		if name != "" && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}
