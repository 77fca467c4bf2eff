// Package rawlink sends and receives Ethernet frames on an interface of this host, by a packet socket of Linux. It needs the right to
// use raw sockets (CAP_NET_RAW).
//
// Frames that other sockets of this host send on the interface are heard too; the socket's own are not.
package rawlink

import (
	"fmt"

	"golang.org/x/net/bpf"
)

// Limits of a frame without its checksum, in octets.
const (
	MinFrame = 60
	MaxFrame = 1514
)

// Address is an Ethernet address.
type Address = [6]byte

// assemble makes the program that a filter is.
func assemble(filter []bpf.Instruction) ([]bpf.RawInstruction, error) {
	program, err := bpf.Assemble(filter)
	if err != nil {
		return nil, fmt.Errorf("rawlink: filter: %w", err)
	}
	return program, nil
}
