package run

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// NewLog returns the log of a process: JSON, one object a line, or where human
// is true one short line for a person, coloured where colour is true.
func NewLog(w io.Writer, level slog.Level, human, colour bool) *slog.Logger {
	if !human {
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
	}
	return slog.New(&humanHandler{w: w, mu: new(sync.Mutex), level: level, colour: colour})
}

// humanHandler writes "15:04:05.000 INFO  message  key=value ...".
type humanHandler struct {
	w      io.Writer
	mu     *sync.Mutex
	level  slog.Level
	colour bool
	// attrs are rendered already; group is the prefix of keys to come.
	attrs, group string
}

const (
	dim    = "\x1b[2m"
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	cyan   = "\x1b[36m"
	plain  = "\x1b[0m"
)

// Enabled reports whether the level is logged.
func (h *humanHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level }

// Handle writes one line.
func (h *humanHandler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(h.paint(dim, r.Time.Format("15:04:05.000")) + " ")
	level := r.Level.String()
	colour := cyan
	if r.Level >= slog.LevelError {
		colour = red
	} else if r.Level >= slog.LevelWarn {
		colour = yellow
	}
	b.WriteString(h.paint(colour, level) + strings.Repeat(" ", max(1, 6-len(level))))
	b.WriteString(r.Message)
	b.WriteString(h.attrs)
	r.Attrs(func(a slog.Attr) bool {
		h.attr(&b, h.group, a)
		return true
	})
	b.WriteByte('\n')
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := io.WriteString(h.w, b.String())
	return err
}

// WithAttrs returns a handler that adds the attributes to every line.
func (h *humanHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	var b strings.Builder
	for _, a := range attrs {
		h.attr(&b, h.group, a)
	}
	c.attrs += b.String()
	return &c
}

// WithGroup returns a handler that puts name before the keys to come.
func (h *humanHandler) WithGroup(name string) slog.Handler {
	c := *h
	if name != "" {
		c.group += name + "."
	}
	return &c
}

func (h *humanHandler) attr(b *strings.Builder, group string, a slog.Attr) {
	v := a.Value.Resolve()
	if a.Equal(slog.Attr{}) {
		return
	}
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			group += a.Key + "."
		}
		for _, in := range v.Group() {
			h.attr(b, group, in)
		}
		return
	}
	text := v.String()
	if text == "" || strings.ContainsAny(text, "\"=") || slices.ContainsFunc([]rune(text), func(r rune) bool {
		return r <= ' ' || !strconv.IsPrint(r)
	}) {
		text = strconv.Quote(text)
	}
	b.WriteString(" " + h.paint(dim, group+a.Key+"=") + text)
}

func (h *humanHandler) paint(colour, s string) string {
	if !h.colour {
		return s
	}
	return colour + s + plain
}
