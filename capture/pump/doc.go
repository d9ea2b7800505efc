// Package pump writes what a [capture.Source] reads to Kafka, once. Each Kafka
// transaction carries the records of whole batches and, in the compacted topic
// sluice.positions, the position from which the source resumes behind them; only
// after its commit is the source told that it may forget.
//
//	Run ──►  election ─► leads ──► a session; standing by ──► waits
//
//	         ┌────────────────────────── session ──────────────────────────┐
//	    ──►  │ InitProducerID ─► saved position ─► claim ─► Open           │
//	         │    (fences and settles        (read        (transaction of  │
//	         │     the predecessor)          committed)    the position)   │
//	         │                                                  │          │
//	         │      reader: Next ─► encode ─► queue ─┐          ▼          │
//	         │      writer:   ┌──────────────────────┘  source lost: commit│
//	         │                ▼                         what is whole,     │
//	         │   produce ─► flush ─► EndTxn ─► Ack      back off, Open     │
//	         └──────────────────────────┬──────────────────────────────────┘
//	            any error of Kafka: a new session, which asks Kafka what was
//	            committed instead of guessing it
//
// The reader encodes while the writer commits; together they hold a bounded
// number of bytes, and a reader that has no room waits, which is how an outage of
// Kafka pauses the source.
//
// Of several instances one is at work: the one to which the consumer group
// "sluice.capture.<name>" assigns the only partition of sluice.positions; the
// others stand by. The group only chooses. That two never write is the work of
// the transactional id "sluice.capture.<name>": whoever begins to lead fences
// its predecessor, which was paused or cut off and may not know yet, and which
// then stands by. An instance that is told to take over (Config.TakeOver) asks
// no group, and whom it fences stops and says so.
package pump
