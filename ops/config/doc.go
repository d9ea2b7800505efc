// Package config is the one file, sluice.yaml: [Load] reads it, fills in the
// defaults and refuses what is wrong, every fault with its line and column, its
// path and its cure:
//
//	sluice.yaml:12:5: captures.erp.postgres.tabels: unknown key; did you mean "tables"?
//
// After that it is read-only.
//
//	parse ──► expand ${NAME}, ${file:PATH} ──► decode strictly ──► Defaults ──► Validate
//
// Variables are put into the parsed tree, so that a value can hold any text
// without becoming YAML, and no message shows what came out of one. The types
// of the parts belong to the engines and plug-ins; this package puts them
// together and knows which part names which.
package config
