package e2e

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

const sinkRecords = "sluice_sink_records_total"

var fateLabel = regexp.MustCompile(`fate="([a-z]+)"`)

// fates sums an engine's record counter by fate.
func (s *stage) fates(role, name string) map[string]float64 {
	sums := map[string]float64{}
	for line, value := range s.lines(role, name) {
		if m := fateLabel.FindStringSubmatch(line); m != nil {
			sums[m[1]] += value
		}
	}
	return sums
}

// metric sums a metric; -1 where the role does not answer or has none.
func (s *stage) metric(role, name string) float64 {
	lines := s.lines(role, name)
	if len(lines) == 0 {
		return -1
	}
	sum := 0.0
	for _, value := range lines {
		sum += value
	}
	return sum
}

func (s *stage) lines(role, name string) map[string]float64 {
	_, page, err := s.roles[role].Get(s.t.Context(), "/metrics")
	if err != nil {
		return nil // still starting
	}
	out := map[string]float64{}
	for line := range strings.Lines(string(page)) {
		if !strings.HasPrefix(line, name+"{") {
			continue
		}
		at := strings.LastIndexByte(line, ' ')
		if v, err := strconv.ParseFloat(strings.TrimSpace(line[at:]), 64); err == nil {
			out[line[:at]] = v
		}
	}
	return out
}

// exec runs SQL in the ERP.
func (s *stage) exec(sql string) {
	s.t.Helper()
	db, err := pgx.Connect(s.t.Context(), s.ERP())
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = db.Close(s.t.Context()) }()
	if _, err := db.Exec(s.t.Context(), sql); err != nil {
		s.t.Fatal(err)
	}
}
