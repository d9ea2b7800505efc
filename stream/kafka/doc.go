// Package kafka is described when it is built.
package kafka
