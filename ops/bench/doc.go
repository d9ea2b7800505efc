// Command bench measures sluice against the limit of what it stands on, in the
// same run and on the same machine, and prints ratios.
//
//	go run ./ops/bench postgres   drain of a replication slot, beside pg_recvlogical
package main
