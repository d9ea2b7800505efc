// Package schemas holds the values that flow through sluice: a [Row] of
// [Value]s described by a [Table], the [Change] that a source saw, and the
// [Position] from which a source resumes. It imports nothing of sluice and does
// no I/O.
//
// A Value is a small tagged struct. Its bytes point into memory that the
// producer of the batch owns (usually an [Arena]); whoever keeps a Value longer
// than the batch lives copies it with [Row.Clone].
package schemas
