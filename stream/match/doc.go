// Package match finds records of one person or company.
package match
