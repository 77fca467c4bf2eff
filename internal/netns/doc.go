// Package netns has only tests. They make two network namespaces joined by a pair of virtual links, run the program's serve
// in one and its forward or connect in the other, and cut what lies between them in the ways that networks do, while real programs
// (curl, ssh, rsync, psql, their servers) talk through it.
//
// The tests run on Linux, as root, with TENUTO_NETNS=1; then a missing tool fails them. Otherwise they skip.
package netns
