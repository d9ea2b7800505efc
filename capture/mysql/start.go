package mysql

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"

	"sluice/schemas"
)

// begin finds where to begin without a saved position, so that a transaction is
// either sent, or visible to each snapshot that is taken from now on, or waited
// for; see view.go.
func (s *Source) begin(ctx context.Context, relations []*relation) (position, error) {
	at := position{Server: s.server.name, ID: s.server.id}
	var err error
	if !s.server.named {
		at.Place, err = s.settled(ctx, relations)
		return at, s.lost(err)
	}
	if at.Place, err = s.server.end(ctx, s.sql); err != nil {
		return at, s.lost(err)
	}
	set, err := s.server.executed(ctx, s.sql)
	if err != nil {
		return at, s.lost(err)
	}
	at.GTIDs = set.String()
	return at, nil
}

// settled finds a place in the log before which all transactions of the tables
// have ended, visibly: for a moment they are locked against writes.
func (s *Source) settled(ctx context.Context, relations []*relation) (place, error) {
	conn, err := s.sql.Conn(ctx)
	if err != nil {
		return place{}, err
	}
	defer conn.Close()
	var list []string
	for _, rel := range relations {
		list = append(list, rel.info.sql()+" READ")
	}
	if _, err := conn.ExecContext(ctx, "SET SESSION lock_wait_timeout = "+lockPatience); err != nil {
		return place{}, err
	}
	if _, err := conn.ExecContext(ctx, "LOCK TABLES "+strings.Join(list, ", ")); err != nil {
		return place{}, s.lockFault(err)
	}
	at, err := s.server.end(ctx, conn)
	_, unlock := conn.ExecContext(ctx, "UNLOCK TABLES")
	return at, errors.Join(err, unlock)
}

// lockPatience is how many seconds a lock is waited for, behind which all
// writers would queue.
const lockPatience = "2"

func (s *Source) lockFault(err error) error {
	switch errorCode(err) {
	case 1044, codeTableDenied, codeSpecificDenied:
		return &schemas.Fault{
			Where: "dsn", What: "the user may not lock tables, which is needed for a moment where the server has no GTIDs", Err: err,
			Cure: "turn gtid_mode on, or " + s.grantCure("LOCK TABLES"),
		}
	}
	return err
}

// resume goes on behind a saved position.
func (s *Source) resume(ctx context.Context, from schemas.Position) error {
	var err error
	if s.at, err = parsePosition(from); err != nil {
		return &schemas.Fault{Where: "the saved position", What: "cannot be read", Err: err, Cure: s.resnapshot()}
	}
	fault := func(what string, args ...any) error {
		return &schemas.Fault{Where: "the saved position", What: fmt.Sprintf(what, args...), Cure: s.resnapshot()}
	}
	same := s.sameServer(&s.at)
	switch {
	case !s.server.named && s.at.GTIDs != "":
		return fault("is of a time when transactions had GTIDs, which the server has turned off")
	case !s.server.named && !same:
		return fault("is of server %s, and this is %s; without GTIDs a position holds for one server alone", s.at.Server, s.server.name)
	case s.server.named && s.at.GTIDs == "" && s.at.Row == 0 && same && !s.server.maria:
		// GTIDs were turned on since: what was read before has none.
		return s.adopt(ctx)
	case s.server.maria && !same && s.at.ID == s.server.id:
		return fault("is of another server with the same server_id %d", s.server.id)
	case s.server.named:
		err = s.checkGTIDs(ctx, fault)
	default:
		err = s.checkFile(ctx, fault)
	}
	if err != nil {
		return s.lost(err)
	}
	if !same {
		s.log.Warn("the log is another server's than before", "server", s.server.name, "before", s.at.Server)
		// The saved place is of the other's log. No mark of this one is before its
		// begin.
		files, err := s.server.files(ctx, s.sql)
		if err != nil {
			return s.lost(err)
		}
		s.at.Place, s.at.Made = place{files[0].name, firstEvent}, 0
	}
	s.at.Server, s.at.ID = s.server.name, s.server.id
	return nil
}

// firstEvent is where the events of a file begin (MySQL source, BIN_LOG_HEADER_SIZE).
const firstEvent = 4

// sameServer reports whether a position is of the server that is connected.
func (s *Source) sameServer(at *position) bool { return at.Server == s.server.name }

// adopt refuses to guess which transactions a place stands for.
func (s *Source) adopt(context.Context) error {
	return &schemas.Fault{
		Where: "the saved position", What: "is of a time when transactions had no GTIDs, which the server has turned on since", Cure: s.resnapshot(),
	}
}

// checkGTIDs looks whether the server has all that was read and all that follows.
func (s *Source) checkGTIDs(ctx context.Context, fault func(string, ...any) error) error {
	read, err := parseGTIDs(s.at.GTIDs, s.server.maria)
	if err != nil {
		return fault("%v", err)
	}
	executed, err := s.server.executed(ctx, s.sql)
	if err != nil {
		return err
	}
	if errant := read.minus(executed); errant != "" {
		return fault("holds transactions that the server has not: %s; it is another server's, was restored, or its log was begun anew", excerptSet(errant))
	}
	purged, err := s.server.purged(ctx, s.sql)
	if err != nil {
		return err
	}
	if missing := purged.minus(read); missing != "" {
		return fault("the server has purged transactions that were not read: %s", excerptSet(missing))
	}
	return nil
}

// checkFile looks whether the server still has the file.
func (s *Source) checkFile(ctx context.Context, fault func(string, ...any) error) error {
	files, err := s.server.files(ctx, s.sql)
	if err != nil {
		return err
	}
	for _, f := range files {
		if f.name != s.at.Place.File {
			continue
		}
		if f.size < s.at.Place.Pos {
			return fault("lies behind the end of file %s: the log was begun anew, or it is another server's", s.at.Place.File)
		}
		return nil
	}
	return fault("the server has purged file %s", s.at.Place.File)
}

// logFault is the server's refusal to send the log.
func (s *Source) logFault(text string) error {
	lower := strings.ToLower(text)
	if strings.Contains(lower, "same server_uuid/server_id") || strings.Contains(lower, "same server id") {
		return &schemas.Fault{
			Where: "server_id", What: fmt.Sprintf("another replica has the server_id %d", s.replica), Err: errors.New(text),
			Cure: "give the capture one of its own: server_id in its mysql block",
		}
	}
	return &schemas.Fault{Where: "the saved position", What: "the server does not send the log behind it", Err: errors.New(text), Cure: s.resnapshot()}
}

// chooseID finds a number that no other replica has, nor the server itself.
func (s *Source) chooseID(ctx context.Context) (uint32, error) {
	q := "SHOW REPLICAS"
	if s.server.maria || s.server.number < 80022 {
		q = "SHOW SLAVE HOSTS"
	}
	taken := map[uint32]bool{s.server.id: true}
	rows, err := query(ctx, s.sql, q)
	if err != nil { // a right that is not needed otherwise
		s.log.Debug("the other replicas cannot be asked for", "error", err)
	}
	for _, r := range rows {
		if n, err := strconv.ParseUint(r.text(0), 10, 32); err == nil {
			taken[uint32(n)] = true
		}
	}
	if s.cfg.ServerID != 0 {
		if s.cfg.ServerID == s.server.id {
			return 0, &schemas.Fault{Where: "server_id", What: fmt.Sprintf("%d is the server's own", s.server.id), Cure: "give another number, or leave it out"}
		}
		return s.cfg.ServerID, nil
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte("sluice " + s.capture)) // never fails
	id := h.Sum32()
	// A session of ours that just ended may still be listed: that number is as good.
	for id == 0 || id == s.server.id || taken[id] && s.lateReplica(rows, id) {
		id++
	}
	return id, nil
}

// lateReplica reports whether the number belongs to somebody else.
func (s *Source) lateReplica(rows []record, id uint32) bool {
	for _, r := range rows {
		if r.text(0) == strconv.FormatUint(uint64(id), 10) && r.text(1) != "sluice-"+s.capture {
			return true
		}
	}
	return false
}
