// Package world sets up everything around a sluice pipeline on one machine: a
// private PostgreSQL with the ERP in it, a Kafka, a schema registry, a CRM, and
// a sluice.yaml that connects them. The pipeline's roles run as processes of
// their own, so that they can be killed like real ones. The demo shows a world,
// the end-to-end tests break one.
package world
