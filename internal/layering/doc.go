// Package layering has only tests. They keep the shape of the house: who may import whom, what the pure packages may not
// do, what the root pulls in, and that the documents name tests which exist.
//
// A new package is a line in the table of layering_test.go; the test fails until somebody has decided where it stands.
package layering
