// Command bench measures sluice against the limit of what it stands on, in the
// same run and on the same machine, and prints ratios.
//
//	go run ./ops/bench postgres            all of the following
//	go run ./ops/bench postgres drain      a replication slot, beside pg_recvlogical
//	go run ./ops/bench postgres snapshot   a table, beside a bare Kafka client and COPY
//	go run ./ops/bench postgres latency    from the commit in the source to the consumer
//	go run ./ops/bench mysql               a binary log, beside go-mysql's own syncer
//	go run ./ops/bench mariadb             the same
//
// Each prints a table, or with -o json one object. What is measured is bin/sluice
// as a process of its own, with the embedded broker in another; start-up counts
// against it.
package main
