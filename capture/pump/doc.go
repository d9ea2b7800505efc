// Package pump writes what a [capture.Source] reads to Kafka, once. Each Kafka
// transaction carries the records of whole batches and, in the compacted topic
// sluice.positions, the position from which the source resumes behind them; only
// after its commit is the source told that it may forget.
//
//	         ┌────────────────────────── session ──────────────────────────┐
//	Run ──►  │ InitProducerID ─► saved position ─► claim ─► Open           │
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
// Kafka pauses the source. The transactional id is "sluice.capture.<name>": a
// second instance fences the first, and the first stops and says so.
package pump
