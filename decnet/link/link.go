// Package link is what routing needs of a data link: packets, to one neighbour or on an Ethernet. Each kind has a package of its own;
// linktest is the suite that every kind passes.
package link

import (
	"context"

	"github.com/tenuto-session/tenuto/decnet"
)

// Packet is a packet of the routing layer on a link.
type Packet struct {
	Data []byte
	MAC  decnet.MAC // on an Ethernet: where it comes from, or goes to
}

// Properties are what kinds of links differ in.
type Properties struct {
	Ethernet bool // many neighbours; else one
	Restarts bool // a Conn ends when the neighbour begins anew; else its init may come at any time
	MaxBlock int  // the largest packet, in octets
}

// Link is a data link, which is up while it has a Conn. Open and Close may be called at any time by anyone.
type Link interface {
	// Open brings the link up, and waits for that. There is one Conn at a time: the one before is closed first.
	Open(ctx context.Context) (Conn, error)

	// Close frees what the link holds, and ends its Conn and a waiting Open.
	Close() error

	Properties() Properties

	// String names the kind and the ends, for logs.
	String() string
}

// Conn is a link that is up. Receive and Send have one caller at a time each; Close may be called at any time by anyone.
type Conn interface {
	// Receive waits for packets. They alias memory of the Conn, until the next Receive. An error ends the Conn.
	Receive() ([]Packet, error)

	// Send sends packets in order, or waits until the Conn ends. It keeps no reference. Links may lose packets; those that cannot be
	// sent because they are too large are lost.
	Send([]Packet) error

	// Close ends it: waiting calls return.
	Close() error
}
