package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// quiet is how long a repeated line of the client is held back: a broker that
// is away makes every connection say so several times a second.
const quiet = 10 * time.Second

// logger passes the client's warnings and errors on to slog, each line at most
// once in a while, and nothing below them.
type logger struct {
	log *slog.Logger
	now func() time.Time

	mu   sync.Mutex
	last map[string]*said
}

type said struct {
	at       time.Time
	withheld int
}

func newLogger(log *slog.Logger) *logger {
	return &logger{log: log, now: time.Now, last: make(map[string]*said)}
}

// Level is warn whatever slog's level is: below it the client tells of every
// request.
func (*logger) Level() kgo.LogLevel { return kgo.LogLevelWarn }

// Log writes one line.
func (l *logger) Log(level kgo.LogLevel, msg string, keyvals ...any) {
	var severity slog.Level
	switch level {
	case kgo.LogLevelError:
		severity = slog.LevelError
	case kgo.LogLevelWarn:
		severity = slog.LevelWarn
	default:
		return
	}

	topic := msg // what the line is about: the message and the broker
	for i := 0; i+1 < len(keyvals); i += 2 {
		if err, ok := keyvals[i+1].(error); ok && (errors.Is(err, context.Canceled) || errors.Is(err, kgo.ErrClientClosed)) {
			return // we are closing: no news
		}
		if keyvals[i] == "addr" || keyvals[i] == "broker" {
			topic += fmt.Sprint(keyvals[i+1])
		}
	}
	withheld, ok := l.turn(topic)
	if !ok {
		return
	}
	if withheld > 0 {
		keyvals = append(keyvals[:len(keyvals):len(keyvals)], "withheld", withheld)
	}
	l.log.Log(context.Background(), severity, "kafka: "+msg, keyvals...)
}

// turn says whether the line may be written now, and how many like it were held
// back since the last.
func (l *logger) turn(topic string) (withheld int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, s := l.now(), l.last[topic]
	switch {
	case s == nil:
		if len(l.last) > 1000 { // lines with numbers in them: forget all, stay small
			clear(l.last)
		}
		l.last[topic] = &said{at: now}
		return 0, true
	case now.Sub(s.at) < quiet:
		s.withheld++
		return 0, false
	}
	withheld, s.at, s.withheld = s.withheld, now, 0
	return withheld, true
}
