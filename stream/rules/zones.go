package rules

import (
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // an image without zoneinfo has the same zones
)

// What a wall clock's time that exists twice or never becomes.
const (
	reject  = "reject"
	earlier = "earlier"
	later   = "later"
)

// loadZone takes the names of the IANA's database; "Local" is the machine's, on
// which no rule may depend.
func loadZone(name string) (*time.Location, error) {
	if name == "" || strings.EqualFold(name, "local") {
		return nil, fmt.Errorf("%q is no time zone; write one such as Europe/Berlin or UTC", name)
	}
	zone, err := time.LoadLocation(clone(name))
	if err != nil {
		return nil, fmt.Errorf("%q is no time zone; write one such as Europe/Berlin or UTC", name)
	}
	return zone, nil
}

// inZone says when a clock on the wall of the zone shows w. When clocks go back,
// an hour comes twice; when they go forward, one never comes. choice decides:
// reject makes both errors; earlier and later take, of an hour that comes twice,
// the first or the second, and read a time that never comes by the offset after
// the change (which gives an instant before it) or the one before it (which gives
// one after it), as ECMAScript's Temporal does.
func inZone(w time.Time, zone *time.Location, choice string) (time.Time, error) {
	if choice != reject && choice != earlier && choice != later {
		return w, fmt.Errorf("%q is none of reject, earlier, later", choice)
	}
	offset := func(t time.Time) time.Duration {
		_, seconds := t.In(zone).Zone()
		return time.Duration(seconds) * time.Second
	}
	// The offsets that may hold at w: no zone is a day off UTC.
	before, after := offset(w.Add(-24*time.Hour)), offset(w.Add(24*time.Hour))
	byBefore, byAfter := w.Add(-before), w.Add(-after)
	first, second := offset(byBefore) == before, offset(byAfter) == after
	switch {
	case first && (!second || before == after):
		return byBefore, nil
	case second && !first:
		return byAfter, nil
	}
	what := "comes twice"
	if !first {
		what = "never comes"
	}
	early, late := byBefore, byAfter
	if late.Before(early) {
		early, late = late, early
	}
	switch choice {
	case earlier:
		return early, nil
	case later:
		return late, nil
	}
	return w, fmt.Errorf("%s %s in %s, where clocks are changed; say 'earlier' or 'later' as the last argument", w.Format("2006-01-02 15:04:05"), what, zone)
}
