// Package match finds duplicates in CSV files, by the same code as the stream
// does, and measures how well it does so.
//
//	File      the rows of one or two CSV files, columns by name
//	Columns   what each column holds, declared or guessed
//	Train     learns weights from the file, without labels
//	Eval      precision, recall, blocking, thresholds, time, memory
//	Dedupe    the file with golden ids
package match
