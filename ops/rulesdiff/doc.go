// Package rulesdiff compares two versions of an entity's rules over the same
// records: which fields come out differently, and which records are delivered by
// one and filtered or parked by the other.
package rulesdiff
