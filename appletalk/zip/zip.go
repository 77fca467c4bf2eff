// Package zip is the Zone Information Protocol (Inside AppleTalk, second edition, chapter 8, and the AppleTalk Phase 2 Protocol
// Specification): packets, the zone information table of a router, and the lists of zones that nodes ask for.
//
//	r, err := zip.ParseReply(datagram.Data)
//	change := table.Learn(from, r)
//	info := zip.NetInfo{Range: cable, Requested: request.Zone, Flags: zip.OnlyOne}
//
// Names are MacRoman octets, as package macroman has them.
//
// # Limitations
//
// Takedown and Bringup of phase 1 are named and not acted on, as phase 2 says.
package zip

import (
	"fmt"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/elap"
	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/macroman"
)

// Function is the first octet of a packet.
type Function uint8

// The functions of DDP type 6. IA2 ch. 8
const (
	FunctionQuery         Function = 1
	FunctionReply         Function = 2
	FunctionTakedown      Function = 3 // phase 1
	FunctionBringup       Function = 4 // phase 1
	FunctionGetNetInfo    Function = 5
	FunctionNetInfoReply  Function = 6
	FunctionNotify        Function = 7
	FunctionExtendedReply Function = 8
)

// The functions of ATP requests, in the first user octet. IA2 ch. 8
const (
	FunctionGetMyZone     Function = 7
	FunctionGetZoneList   Function = 8
	FunctionGetLocalZones Function = 9
)

// Timers. IA2 ch. 8
const (
	QueryTime     = 10 * time.Second
	BringBackTime = 10 * time.Minute // a network is down so long before it comes back with other zones
)

// Limits.
const (
	MaxName  = 32  // octets of a zone's name
	MaxZones = 255 // zones of a network
)

// Own stands for the zone of whoever says it.
const Own = "*"

// CheckName reports why a name is none of a zone: it is empty, too long, "*", or begins with an octet that NBP reserves.
func CheckName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("zip: zone name: empty")
	case len(name) > MaxName:
		return fmt.Errorf("zip: zone name %q: %d octets exceed %d", macroman.Decode(name), len(name), MaxName)
	case name == Own:
		return fmt.Errorf("zip: zone name %q: it stands for a node's own zone", name)
	case name[0] == 0xFF:
		return fmt.Errorf("zip: zone name %q: the first octet is reserved", macroman.Decode(name))
	}
	return nil
}

// Multicast is the multicast address of a zone on Ethernet. A node takes it from what a router says, which may have another one.
func Multicast(zone string) link.Hardware {
	return elap.ZoneMulticast(ddp.Sum([]byte(macroman.Fold(zone))))
}

// FunctionOf is the function of a packet of DDP type 6, or 0 if it is empty.
func FunctionOf(b []byte) Function {
	if len(b) == 0 {
		return 0
	}
	return Function(b[0])
}

func appendName(b []byte, name string) []byte { return append(append(b, byte(len(name))), name...) }

// cutName takes a name from the front of b: its length, which may be 0, and its octets.
func cutName(b []byte) (name string, rest []byte, err error) {
	if len(b) == 0 {
		return "", nil, fmt.Errorf("missing")
	}
	n := int(b[0])
	switch {
	case n > MaxName:
		return "", nil, fmt.Errorf("%d octets exceed %d", n, MaxName)
	case len(b) < 1+n:
		return "", nil, fmt.Errorf("%d octets, of which %d are there", n, len(b)-1)
	}
	return string(b[1 : 1+n]), b[1+n:], nil
}

// cutZone takes a name that is one of a zone.
func cutZone(b []byte) (name string, rest []byte, err error) {
	if name, rest, err = cutName(b); err == nil {
		err = CheckName(name)
	}
	return name, rest, err
}
