// Package demo runs the whole pipeline before your eyes: an ERP on PostgreSQL and
// a CRM on MySQL or MariaDB that are both busy, the CRM's API that misbehaves, and
// sluice between them. The ERP's records become the CRM's; the CRM's own tables
// become raw topics; accounts that both hold are kept alike, both ways. When the time is up it stops the loads, waits until everything
// has arrived, and compares every row.
package demo
