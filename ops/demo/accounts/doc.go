// Package accounts is what the demo's ERP and CRM both hold, in tables of their
// own, with columns of their own names, and a small API before each by which it is
// written. Both change the same accounts at the same time; what they must come to
// is known from the owners of the fields.
package accounts
