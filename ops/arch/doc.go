// Package arch holds no code, only the tests that keep the shape of the tree:
// which folder may import which, and what stands at the top level. Each broken
// rule is reported with the file, the import and the reason.
//
//	schemas ◄── schemas/avro, schemas/registry
//	   ▲
//	capture  stream  sinks            contracts: import schemas alone
//	   ▲        ▲       ▲
//	capture/*  stream/*  sinks/*      plug-ins and engines
//	   ▲        ▲       ▲
//	            ops                   sees everything; seen by nothing
package arch
