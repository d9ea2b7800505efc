// Package avro is described when it is built.
package avro
