// Package bench compares ways to carry a byte stream between two programs: plain TCP, which is the limit, other libraries
// that put streams onto a connection, and Tenuto's sessions.
//
// Every subject runs the same benchmarks in the same test binary: throughput, round trip and set-up, once with both ends in one process
// and once with the server in a second one, new connections, and what idle ends hold. Tenuto alone is measured beside hostile peers,
// and when it withdraws what was sent. `go run ./report` runs the binary, and those of spdu and spm, several times and writes docs/benchmarks.md.
//
// # Limitations
//
// All traffic is on loopback: nothing here says anything about loss. The one long path is a proxy's.
package bench
