// Package erp is the demo's ERP: a PostgreSQL schema of customers, orders and
// invoices, people and amounts that look real, and a load that inserts, updates,
// renames and deletes. Everything random comes from one seed.
package erp
