package mysql

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"
)

// watchEvery is how often the server's files are looked at.
const watchEvery = 10 * time.Second

// watch looks at the server's files on a session of its own while the source is
// open, so that what it says does not depend on whether anybody reads.
type watch struct {
	source *Source
	stop   context.CancelFunc
	joined sync.WaitGroup
	db     *sql.DB
}

// startWatch begins to look; end it with close.
func (s *Source) startWatch(ctx context.Context) error {
	cfg, err := s.cfg.settings()
	if err != nil {
		return err
	}
	db, err := connect(ctx, cfg)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	w := &watch{source: s, stop: stop, db: db}
	if s.at.Made != 0 { // else the place is none that was read
		s.metrics.acked(&s.at)
	}
	s.watch = w
	w.joined.Go(func() { w.run(ctx) })
	return nil
}

func (w *watch) run(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	silent := false
	for {
		err := w.look(ctx)
		if ctx.Err() != nil {
			return
		}
		// The stream meets a server that is away; this one only asks again.
		if err != nil && !silent {
			w.source.log.Warn("the server's log files cannot be listed; the metrics of the lag stand still", "error", err)
		}
		silent = err != nil
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (w *watch) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, watchEvery)
	defer cancel()
	files, err := w.source.server.files(ctx, w.db)
	if err == nil {
		w.source.metrics.set(files, w.source.server.expires(), time.Now())
	}
	return err
}

// close joins the goroutine.
func (w *watch) close() error {
	if w == nil {
		return nil
	}
	w.stop()
	w.joined.Wait()
	w.source.metrics.reset()
	return w.db.Close()
}

// logFile is a file of the server's log.
type logFile struct {
	name string
	size uint64
}

// files are those that the server has, oldest first.
func (s *server) files(ctx context.Context, db querier) ([]logFile, error) {
	rows, err := query(ctx, db, "SHOW BINARY LOGS")
	if err != nil {
		return nil, s.privilegeFault(err)
	}
	if len(rows) == 0 {
		return nil, errors.New("the server has no file of its log")
	}
	out := make([]logFile, len(rows))
	for i, r := range rows {
		out[i] = logFile{r.text(0), uint64(r.int(1))}
	}
	return out, nil
}

// expires is after how long the server purges a file; 0: never.
func (s *server) expires() time.Duration {
	if v, ok := s.variables["binlog_expire_logs_auto_purge"]; ok && strings.EqualFold(v, "OFF") {
		return 0
	}
	if v, ok := s.variables["binlog_expire_logs_seconds"]; ok {
		n, err := strconv.ParseInt(v, 10, 64)
		if err == nil && n > 0 {
			return time.Duration(n) * time.Second
		}
	}
	days, err := strconv.ParseFloat(s.variables["expire_logs_days"], 64)
	if err != nil || days <= 0 {
		return 0
	}
	return time.Duration(days * float64(24*time.Hour))
}
