package local

import (
	"context"
	"fmt"
)

// StartMySQLReplica starts a replica of the primary, of its flavour, that follows
// it by GTIDs. The primary must run and still have all of its log. It returns when
// the replica asks for the log, which is not when it has caught up. Promote makes
// it a server of its own.
func StartMySQLReplica(ctx context.Context, primary *MySQL, o MySQLOptions) (*MySQL, error) {
	o.Flavour = primary.flavour
	s, err := StartMySQL(ctx, o)
	if err != nil {
		return nil, err
	}
	follow := []string{
		fmt.Sprintf("CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=%d, SOURCE_USER='root', SOURCE_AUTO_POSITION=1, SOURCE_CONNECT_RETRY=1", primary.Port()),
		"START REPLICA",
	}
	if s.flavour == FlavourMariaDB {
		follow = []string{
			fmt.Sprintf("CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=%d, MASTER_USER='root', MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1", primary.Port()),
			"START SLAVE",
		}
	}
	if err := s.exec(ctx, follow...); err != nil {
		return nil, join(fmt.Errorf("following %s at port %d: %w", primary.flavour, primary.Port(), err), s.Stop())
	}
	return s, nil
}

// Promote ends the replication, and forgets the primary.
func (s *MySQL) Promote(ctx context.Context) error {
	forget := []string{"STOP REPLICA", "RESET REPLICA ALL"}
	if s.flavour == FlavourMariaDB {
		forget = []string{"STOP SLAVE", "RESET SLAVE ALL"}
	}
	if err := s.exec(ctx, forget...); err != nil {
		return fmt.Errorf("promoting a replica: %w", err)
	}
	return nil
}

// exec runs statements.
func (s *MySQL) exec(ctx context.Context, statements ...string) error {
	s.mu.Lock()
	db, err := s.open("")
	s.mu.Unlock()
	if err != nil {
		return err
	}
	defer db.Close()
	for _, q := range statements {
		if _, err := db.ExecContext(ctx, q); err != nil {
			return err
		}
	}
	return nil
}
