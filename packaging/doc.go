// Package packaging has only tests. They keep what is packaged true to the program: the example configuration has every key with its
// default, the units name flags that there are, and the Debian package holds what it should.
package packaging
