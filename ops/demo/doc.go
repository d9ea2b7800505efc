// Package demo runs the whole pipeline before your eyes: an ERP that is busy, a
// CRM that misbehaves, and sluice between them. When the time is up it stops the
// load, waits until everything has arrived, and compares every row.
package demo
