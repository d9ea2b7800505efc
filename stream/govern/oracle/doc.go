// Package oracle makes golden records the slow and plain way, from the whole list
// of events at once, to test package govern and what is built on it. It shares
// nothing with govern but the types of its input, and keeps no state.
package oracle
