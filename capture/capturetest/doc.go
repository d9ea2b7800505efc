// Package capturetest holds the promises of capture.Source as tests. A source's
// own test calls [Run] with a [Harness] over its database, and [Scripts] with
// text files that say, in SQL and expected changes, what its rows look like:
//
//	sql
//	  INSERT INTO items VALUES (1, 'a');
//	expect
//	  c items => {id: 1, name: "a"}
//
// Both only use SQL that every database speaks, where the file's name does not
// say otherwise.
package capturetest
