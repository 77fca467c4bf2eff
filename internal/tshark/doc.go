// Package tshark has only tests. They let tshark, Wireshark's command line, say what it sees in captures of session connections, and compare
// that with what the program's osi decode sees.
//
// The tests run with TENUTO_TSHARK=1; then a missing tshark fails them. Otherwise they skip.
package tshark
