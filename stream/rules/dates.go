package rules

import (
	"fmt"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// dateFunctions are those of dates and times. A date is midnight UTC of its day.
func dateFunctions(m *memory) []function {
	d := dates{m}
	format := func(_ int, s string) error { _, err := m.formats.get(s); return err }
	zone := func(_ int, s string) error { _, err := m.zones.get(s); return err }
	choice := oneOf("choice", reject, earlier, later)
	formats := []*cel.Type{cel.StringType, stringList}
	// each gives a form for one format and a form for several.
	each := func(id string, more []*cel.Type, f func(a []ref.Val) ref.Val) []cel.FunctionOpt {
		var all []cel.FunctionOpt
		for i, t := range formats {
			all = append(all, overload(fmt.Sprintf("%s_%d", id, i), append([]*cel.Type{nullableString, t}, more...), nullableTimestamp, f))
		}
		return all
	}
	wall := []*cel.Type{nullableTimestamp, cel.StringType}
	return []function{
		{
			Name: "date", Signature: "date(t)", Doc: "midnight UTC of the day of a timestamp, or of a string YYYY-MM-DD",
			Examples: []Example{{"date('2024-02-29')", "2024-02-29T00:00:00Z"}, {"date(timestamp('2024-02-29T23:59:59Z'))", "2024-02-29T00:00:00Z"}, {"date('29.02.2024')", "error: date takes YYYY-MM-DD"}},
			overloads: []cel.FunctionOpt{
				cel.Overload("date_timestamp", []*cel.Type{nullableTimestamp}, nullableTimestamp, cel.UnaryBinding(date)),
				cel.Overload("date_string", []*cel.Type{nullableString}, nullableTimestamp, cel.UnaryBinding(date)),
			},
		},
		{
			Name: "parse_date", Signature: "parse_date(s, format) or parse_date(s, [format, ...])",
			Doc: "the date that a text says; the first of the formats that fits the whole text counts. A text that none fits is an error, a blank one too: write nonblank(s). Parts of a format: YYYY YY MMMM MMM MM M DD D; words in [brackets]",
			Examples: []Example{
				{"parse_date('29.02.2024', 'DD.MM.YYYY')", "2024-02-29T00:00:00Z"},
				{"parse_date('3/1/24', ['YYYY-MM-DD', 'M/D/YY'])", "2024-03-01T00:00:00Z"},
				{"parse_date('1 Mar 2024', 'D MMM YYYY')", "2024-03-01T00:00:00Z"},
				{"parse_date('30.02.2024', 'DD.MM.YYYY')", "error: is no date of the form DD.MM.YYYY"},
				{"parse_date(nonblank(' '), 'DD.MM.YYYY')", "null"},
			},
			checks: map[int]check{1: func(_ int, s string) error {
				f, err := m.formats.get(s)
				if err == nil && f.timed() {
					return fmt.Errorf("the format %q has a time of day, which a date would lose; write parse_time, and local_date to cut it off", s)
				}
				return err
			}},
			overloads: each("parse_date", nil, d.parseDate),
		},
		{
			Name: "parse_time", Signature: "parse_time(s, formats[, zone[, choice]])",
			Doc: "when a clock on the wall of the zone shows what the text says, in UTC. Without a zone, the format has Z: Z, +01:00, +0100 or +01 in the text; that counts before the zone. Parts of a format beside those of a date: HH H, or hh h with A (AM, PM), mm m ss s, S for each digit of a fraction, Z. " +
				"Where clocks go back, an hour comes twice, and where they go forward one never comes: both are errors, unless the choice is 'earlier' or 'later'. Of an hour that comes twice that is the first or the second; a time that never comes is read by the offset after the change, or before it",
			Examples: []Example{
				{"parse_time('29.02.2024 13:05', 'DD.MM.YYYY HH:mm', 'Europe/Berlin')", "2024-02-29T12:05:00Z"},
				{"parse_time('07/04/2024 1:05 PM', 'MM/DD/YYYY h:mm A', 'America/New_York')", "2024-07-04T17:05:00Z"},
				{"parse_time('2024-02-29T13:05:00.250+01:00', 'YYYY-MM-DD[T]HH:mm:ss.SSSZ')", "2024-02-29T12:05:00.25Z"},
				{"parse_time('2024-03-31 02:30', 'YYYY-MM-DD HH:mm', 'Europe/Berlin')", "error: never comes in Europe/Berlin"},
				{"parse_time('2024-10-27 02:30', 'YYYY-MM-DD HH:mm', 'Europe/Berlin')", "error: comes twice in Europe/Berlin"},
				{"parse_time('2024-10-27 02:30', 'YYYY-MM-DD HH:mm', 'Europe/Berlin', 'earlier')", "2024-10-27T00:30:00Z"},
				{"parse_time('2024-10-27 02:30', 'YYYY-MM-DD HH:mm', 'Europe/Berlin', 'later')", "2024-10-27T01:30:00Z"},
			},
			checks: map[int]check{1: func(arguments int, s string) error {
				f, err := m.formats.get(s)
				if err == nil && arguments == 2 && !f.has['Z'] {
					return noZone(f)
				}
				return err
			}, 2: zone, 3: choice},
			overloads: append(append(each("parse_time", nil, d.parseTime),
				each("parse_time_zone", []*cel.Type{cel.StringType}, d.parseTime)...),
				each("parse_time_choice", []*cel.Type{cel.StringType, cel.StringType}, d.parseTime)...),
		},
		{
			Name: "from_zone", Signature: "from_zone(t, zone[, choice])",
			Doc:      "when a clock on the wall of the zone shows t, in UTC: for columns without a zone, which come as if they were UTC. The choice is that of parse_time",
			Examples: []Example{{"from_zone(timestamp('2024-07-01T12:00:00Z'), 'Europe/Berlin')", "2024-07-01T10:00:00Z"}, {"from_zone(timestamp('2024-03-31T02:30:00Z'), 'Europe/Berlin', 'later')", "2024-03-31T01:30:00Z"}},
			checks:   map[int]check{1: zone, 2: choice},
			overloads: []cel.FunctionOpt{
				overload("from_zone_2", wall, nullableTimestamp, d.fromZone),
				overload("from_zone_3", append(wall[:2:2], cel.StringType), nullableTimestamp, d.fromZone),
			},
		},
		{
			Name: "local_date", Signature: "local_date(t, zone)", Doc: "the date in the zone at the time t",
			Examples: []Example{{"local_date(timestamp('2024-02-29T23:30:00Z'), 'Europe/Berlin')", "2024-03-01T00:00:00Z"}},
			checks:   map[int]check{1: zone},
			overloads: []cel.FunctionOpt{overload("local_date", wall, nullableTimestamp, func(a []ref.Val) ref.Val {
				at, _ := a[0].(types.Timestamp)
				zone, err := m.zones.get(argument(a[1]))
				if err != nil {
					return types.WrapErr(err)
				}
				return date(types.Timestamp{Time: wallOf(at.In(zone))})
			})},
		},
		{
			Name: "format_time", Signature: "format_time(t, format[, zone])", Doc: "the time as text, in UTC or in the zone, by a format of parse_date and parse_time",
			Examples: []Example{{"format_time(timestamp('2024-02-29T12:05:00Z'), 'DD.MM.YYYY HH:mm', 'Europe/Berlin')", `"29.02.2024 13:05"`}, {"format_time(date('2024-02-29'), 'YYYY-MM-DD')", `"2024-02-29"`}},
			checks:   map[int]check{1: format, 2: zone},
			overloads: []cel.FunctionOpt{
				overload("format_time_2", wall, nullableString, d.formatTime),
				overload("format_time_3", append(wall[:2:2], cel.StringType), nullableString, d.formatTime),
			},
		},
	}
}

// dates are the functions that remember formats and zones.
type dates struct{ m *memory }

// first tries the formats, one or a list of them, in order.
func (d dates) first(v ref.Val, s string, check func(*timeFormat) error) (wallTime, error) {
	try := func(name string) (wallTime, bool, error) {
		f, err := d.m.formats.get(name)
		if err == nil && check != nil {
			err = check(f)
		}
		if err != nil {
			return wallTime{}, false, err
		}
		w, ok := f.parse(s)
		return w, ok, nil
	}
	names := ""
	if name, ok := v.(types.String); ok {
		w, ok, err := try(string(name))
		if ok || err != nil {
			return w, err
		}
		names = string(name)
	} else if l, ok := v.(traits.Lister); ok {
		for it := l.Iterator(); it.HasNext() == types.True; {
			name, _ := it.Next().(types.String)
			w, ok, err := try(string(name))
			if ok || err != nil {
				return w, err
			}
			if names != "" {
				names += " or "
			}
			names += string(name)
		}
	}
	return wallTime{}, fmt.Errorf("%.40q is no date of the form %s", s, names)
}

func (d dates) parseDate(a []ref.Val) ref.Val {
	w, err := d.first(a[1], argument(a[0]), func(f *timeFormat) error {
		if f.timed() {
			return fmt.Errorf("the format %q has a time of day, which a date would lose", f.text)
		}
		return nil
	})
	if err != nil {
		return types.WrapErr(err)
	}
	return types.Timestamp{Time: w.Time}
}

func (d dates) parseTime(a []ref.Val) ref.Val {
	w, err := d.first(a[1], argument(a[0]), func(f *timeFormat) error {
		if len(a) == 2 && !f.has['Z'] {
			return noZone(f)
		}
		return nil
	})
	if err != nil {
		return types.WrapErr(err)
	}
	if w.zoned {
		return checkedTimestamp(w.Add(-time.Duration(w.offset) * time.Second))
	}
	return d.at(w.Time, a[2:])
}

func noZone(f *timeFormat) error {
	return fmt.Errorf("the format %q has no Z: give the zone, such as 'Europe/Berlin', as the third argument", f.text)
}

func (d dates) fromZone(a []ref.Val) ref.Val {
	at, _ := a[0].(types.Timestamp)
	return d.at(at.UTC(), a[1:])
}

// at says when a wall clock of the zone, the first of more, shows w; the second
// is the choice.
func (d dates) at(w time.Time, more []ref.Val) ref.Val {
	zone, err := d.m.zones.get(argument(more[0]))
	if err != nil {
		return types.WrapErr(err)
	}
	choice := reject
	if len(more) > 1 {
		choice = argument(more[1])
	}
	t, err := inZone(w, zone, choice)
	if err != nil {
		return types.WrapErr(err)
	}
	return checkedTimestamp(t.UTC())
}

func (d dates) formatTime(a []ref.Val) ref.Val {
	at, _ := a[0].(types.Timestamp)
	f, err := d.m.formats.get(argument(a[1]))
	if err != nil {
		return types.WrapErr(err)
	}
	t := at.UTC()
	if len(a) > 2 {
		zone, err := d.m.zones.get(argument(a[2]))
		if err != nil {
			return types.WrapErr(err)
		}
		t = t.In(zone)
	}
	return types.String(f.format(t))
}

// wallOf is what a wall clock shows at t, as if it were UTC.
func wallOf(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

func date(v ref.Val) ref.Val {
	switch x := v.(type) {
	case types.Timestamp:
		y, m, d := x.UTC().Date()
		return types.Timestamp{Time: time.Date(y, m, d, 0, 0, 0, 0, time.UTC)}
	case types.String:
		t, err := time.Parse(time.DateOnly, string(x))
		if err != nil {
			return types.NewErr("date takes YYYY-MM-DD, not %.40q", string(x))
		}
		return types.Timestamp{Time: t}
	}
	return nullOr(v, "date")
}
