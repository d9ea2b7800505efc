package mysql

import (
	"errors"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"
	driver "github.com/go-sql-driver/mysql"
)

// Numbers of a server's errors (MySQL reference manual, "Server Error Message
// Reference").
const (
	codeNoTable         = 1146
	codeNoDatabase      = 1049
	codeBadTable        = 1051
	codeNoColumn        = 1054
	codeLockTimeout     = 1205
	codeDeadlock        = 1213
	codeLogReadFailed   = 1236 // ER_MASTER_FATAL_ERROR_READING_BINLOG
	codeDefinition      = 1412 // ER_TABLE_DEF_CHANGED
	codeInterrupted     = 1317
	codeShutdown        = 1053
	codeTableDenied     = 1142
	codeSpecificDenied  = 1227
	codeColumnDenied    = 1143
	codeTooManySessions = 1040
)

// errorCode is the number that the server gave an error; 0: it is not the
// server's.
func errorCode(err error) uint16 {
	var a *driver.MySQLError
	if errors.As(err, &a) {
		return a.Number
	}
	var b *gomysql.MyError
	if errors.As(err, &b) {
		return b.Code
	}
	return 0
}

// errorText is the server's own words, or all of it.
func errorText(err error) string {
	var a *driver.MySQLError
	if errors.As(err, &a) {
		return a.Message
	}
	var b *gomysql.MyError
	if errors.As(err, &b) {
		return b.Message
	}
	return lastCause(err).Error()
}
