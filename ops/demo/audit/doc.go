// Package audit judges a run of the demo's pipeline from the outside. It asks
// the ERP what the CRM should hold, in SQL that knows nothing of the rules, asks
// the CRM what it holds, and counts every event in the topics in between:
//
//	captured = filtered + parked + delivered, lost = 0, doubled = 0
//
// The CRM's own database ends in raw topics. Their records, read with goavro and
// applied in order, must add up to the tables' rows, and each change that the
// database's own journal knows of must have one record:
//
//	captured = copied + changes, lost = 0, doubled = 0
package audit
