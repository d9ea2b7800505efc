// Package audit judges a run of the demo's pipeline from the outside. It asks
// the ERP what the CRM should hold, in SQL that knows nothing of the rules, asks
// the CRM what it holds, and counts every event in the topics in between:
//
//	captured = filtered + parked + delivered, lost = 0, doubled = 0
package audit
