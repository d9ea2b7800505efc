package kafka

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestLoggerIsQuiet(t *testing.T) {
	var out bytes.Buffer
	handler := slog.NewTextHandler(&out, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	})
	l := newLogger(slog.New(handler))
	now := time.Unix(0, 0)
	l.now = func() time.Time { return now }
	refused := errors.New("refused")

	l.Log(kgo.LogLevelDebug, "wrote a request")
	l.Log(kgo.LogLevelInfo, "metadata update")
	l.Log(kgo.LogLevelWarn, "unable to open", "addr", "a:1", "err", refused)
	l.Log(kgo.LogLevelWarn, "unable to open", "addr", "a:1", "err", refused)
	l.Log(kgo.LogLevelWarn, "unable to open", "addr", "b:1", "err", refused)
	l.Log(kgo.LogLevelWarn, "unable to open", "addr", "c:1", "err", context.Canceled)
	now = now.Add(quiet)
	l.Log(kgo.LogLevelError, "unable to open", "addr", "a:1", "err", refused)

	const want = `level=WARN msg="kafka: unable to open" addr=a:1 err=refused
level=WARN msg="kafka: unable to open" addr=b:1 err=refused
level=ERROR msg="kafka: unable to open" addr=a:1 err=refused withheld=1
`
	if out.String() != want {
		t.Errorf("got:\n%swant:\n%s", out.String(), want)
	}
}
