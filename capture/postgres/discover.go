package postgres

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
)

// discover looks for tables that the configuration names and the publication
// lacks: created since, renamed, or dropped and made anew. It adds them to a
// publication of ours, and says of another, once for each, what its owner has to
// do. told is what was said of tables that are still missing.
func (s *Source) discover(ctx context.Context, q querier, told map[string]bool) error {
	if s.server.standby {
		return nil
	}
	all, err := readTables(ctx, q)
	if err != nil {
		return err
	}
	var tables []*tableInfo
	for _, t := range all {
		if s.cfg.wants(t) {
			tables = append(tables, t)
		}
	}
	p, err := readPublication(ctx, q, s.cfg.Publication)
	if err != nil || !p.exists {
		return err
	}
	missing := p.missing(tables)
	maps.DeleteFunc(told, func(name string, _ bool) bool { return !slices.Contains(missing, name) })
	for _, name := range missing {
		if told[name] {
			continue
		}
		var err error
		if p.ours {
			if err = s.addTables(ctx, q, []string{name}); err == nil {
				s.copyAdded(tables, name)
				continue
			}
			if errors.Is(err, errNoTable) {
				continue // dropped since; the next look knows better
			}
		} else {
			err = errors.New("the publication is not this capture's own")
		}
		told[name] = true
		s.log.Warn("a table that the configuration names is not published; its changes are not read", "table", strings.ReplaceAll(name, `"`, ""),
			"reason", s.place(err), "cure", "as the owner of the table: "+s.addStatement([]string{name})+";")
	}
	return nil
}

// copyAdded copies the tables that were published under that name just now.
func (s *Source) copyAdded(tables []*tableInfo, name string) {
	if s.cfg.Snapshot.Mode == Never {
		return
	}
	for _, t := range tables {
		if t.publishAs() == name {
			s.engine.Add(s.origin, true, t.fullName())
		}
	}
}
