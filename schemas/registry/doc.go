// Package registry is described when it is built.
package registry
