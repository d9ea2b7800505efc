package run

import (
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

func TestHumanLine(t *testing.T) {
	var b strings.Builder
	log := NewLog(&b, slog.LevelInfo, true, false).With("capture", "erp")
	log.Debug("not shown")
	log.WithGroup("at").Warn("retrying", "topic", "erp.public.a", "error", errors.New("a b\nc"), slog.Group("in", "n", 1), "empty", "")
	_, got, _ := strings.Cut(b.String(), " ")
	if want := "WARN  retrying capture=erp at.topic=erp.public.a at.error=\"a b\\nc\" at.in.n=1 at.empty=\"\"\n"; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestColourOnlyWhereAsked(t *testing.T) {
	for _, colour := range []bool{true, false} {
		var b strings.Builder
		NewLog(&b, slog.LevelInfo, true, colour).Error("x", "k", "v")
		if got := strings.Contains(b.String(), "\x1b["); got != colour {
			t.Errorf("colour %v: %q", colour, b.String())
		}
	}
}

func TestJSONLine(t *testing.T) {
	var b strings.Builder
	NewLog(&b, slog.LevelInfo, false, true).Info("started", "capture", "erp")
	var line map[string]any
	if err := json.Unmarshal([]byte(b.String()), &line); err != nil {
		t.Fatal(err)
	}
	if line["msg"] != "started" || line["capture"] != "erp" {
		t.Errorf("line = %v", line)
	}
}
