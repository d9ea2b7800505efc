package arch_test

import (
	"path"
	"strings"
)

// A domain is a contract and its children: nouns of the way of the data.
var domains = []string{"capture", "stream", "sinks"}

// engines are the children that drive plug-ins: they know the contract and
// Kafka, never a plug-in.
var engines = map[string]bool{"capture/pump": true, "stream/process": true, "sinks/deliver": true}

// shared are the children of a domain that plug-ins of the domain may use.
var shared = map[string]string{
	"capture/snapshot": "capture",
	"stream/state":     "stream",
}

// verdict says why a package of ours, given by its folder, may not import
// another; "" if it may.
func verdict(from, to string) string {
	fromRoot, _, _ := strings.Cut(from, "/")
	toRoot, _, _ := strings.Cut(to, "/")
	switch {
	case fromRoot == "ops":
		return "" // it assembles everything
	case toRoot == "ops":
		return "nothing imports ops: a domain that knows how it is run cannot be run otherwise"
	case from == "schemas":
		return "schemas imports nothing of ours: it is what all others agree upon"
	case fromRoot == "schemas":
		if toRoot == "schemas" {
			return ""
		}
		return "the codecs and the registry know values, not where they come from or go to"
	case from == fromRoot:
		if to == "schemas" {
			return ""
		}
		return "a contract imports schemas alone, so that it can be read alone"
	case toRoot == "schemas", to == fromRoot:
		return ""
	case toRoot != fromRoot:
		if to == "stream/kafka" {
			if engines[from] || isSuite(from) {
				return ""
			}
			return "only the engines speak to Kafka: a plug-in reads or writes its own system alone"
		}
		return fromRoot + " and " + toRoot + " never import each other: Kafka stands between them"
	case to == "stream/kafka":
		if engines[from] || from == "stream/state" || strings.HasPrefix(from, "stream/kafka/") {
			return ""
		}
		return "only the engines speak to Kafka: a plug-in sees records, not topics"
	case shared[to] == fromRoot && !engines[from]:
		return ""
	case within(from, to), within(to, from), isSuite(from) && !isSuite(to) && engines[to]:
		return ""
	case engines[from]:
		return "an engine knows the contract, never a plug-in: ops hands it one"
	case engines[to]:
		return "a plug-in knows its contract, never the engine that drives it"
	default:
		return "plug-ins do not know each other: what two of them need belongs to the contract"
	}
}

// within reports whether child lies in the folder parent: a plug-in of several
// packages.
func within(child, parent string) bool {
	return strings.Contains(parent, "/") && strings.HasPrefix(child, parent+"/")
}

// isSuite reports whether the folder holds a conformance suite (capturetest,
// sinktest), which is test code in files that are not _test.go.
func isSuite(folder string) bool { return strings.HasSuffix(path.Base(folder), "test") }
