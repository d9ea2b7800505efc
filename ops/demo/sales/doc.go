// Package sales is the database of the demo's CRM, on MySQL or MariaDB: the
// contacts, deals and calls of a sales desk, and a load that inserts, updates,
// merges and deletes.
//
// The database keeps a journal of its own: triggers note each change of a row in
// the transaction that made it. It is not captured, and knows nothing of logs. So
// it can tell an audit which changes must have arrived, each of them once.
package sales
