// Package loop keeps changes from going round: a sink writes to a system that is
// itself captured, and what it wrote comes back as a change.
package loop
