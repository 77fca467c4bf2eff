package zip

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/macroman"
)

// Flags are those of NetInfoReply and Notify. IA2 ch. 8
type Flags uint8

// The flags.
const (
	Invalid      Flags = 0x80 // the requested zone is none of the cable's
	UseBroadcast Flags = 0x40 // the link has no multicast addresses for zones
	OnlyOne      Flags = 0x20 // the cable has one zone
)

// String names the flags that are set.
func (f Flags) String() string {
	var names []string
	for _, n := range []struct {
		f    Flags
		name string
	}{{Invalid, "invalid"}, {UseBroadcast, "broadcast"}, {OnlyOne, "only one"}} {
		if f&n.f != 0 {
			names = append(names, n.name)
		}
	}
	return strings.Join(names, "+")
}

const reserved = 4 // octets in the place of the range

// GetNetInfo asks for a cable's range and whether a zone is one of it. An empty zone asks for the default zone.
type GetNetInfo struct{ Zone string }

// String writes a request.
func (g GetNetInfo) String() string {
	return fmt.Sprintf("ZIPGetNetInfo(zone=%q)", macroman.Decode(g.Zone))
}

// ParseGetNetInfo reads a request. Lax are the reserved octets and what follows the zone, which are not looked at.
func ParseGetNetInfo(b []byte) (g GetNetInfo, err error) {
	// function, 5 octets 0, zone length, zone
	if len(b) < 2+reserved || Function(b[0]) != FunctionGetNetInfo {
		return g, fmt.Errorf("zip: parse GetNetInfo: header: not that of a request")
	}
	if g.Zone, _, err = cutName(b[2+reserved:]); err != nil {
		return g, fmt.Errorf("zip: parse GetNetInfo: zone: %w", err)
	}
	return g, nil
}

// Append appends a request.
func (g GetNetInfo) Append(b []byte) []byte {
	return appendName(append(b, byte(FunctionGetNetInfo), 0, 0, 0, 0, 0), g.Zone)
}

// NetInfo is the answer to GetNetInfo.
type NetInfo struct {
	Flags     Flags
	Range     ddp.Range
	Requested string        // octet for octet as it was requested
	Multicast link.Hardware // of the requested zone, or of the default zone; zero if there is none
	Default   string        // only if the requested zone is not valid
}

// String writes an answer.
func (n NetInfo) String() string {
	return fmt.Sprintf("ZIPNetInfoReply(flags=%v, range=%v, zone=%q, multicast=%v, default=%q)", n.Flags, n.Range,
		macroman.Decode(n.Requested), n.Multicast, macroman.Decode(n.Default))
}

// Zone is the zone to use: the requested one if it is valid.
func (n NetInfo) Zone() string {
	if n.Flags&Invalid != 0 {
		return n.Default
	}
	return n.Requested
}

// ParseNetInfo reads an answer. Lax: a multicast address of zeros, or one on a link that has none, is none; there are routers on
// LocalTalk that have one, and that do not say that an empty zone is not valid.
func ParseNetInfo(b []byte) (n NetInfo, err error) {
	// function, flags, range, zone length, zone, multicast address length, multicast address [, default zone length, default zone]
	if len(b) < 6 || Function(b[0]) != FunctionNetInfoReply {
		return n, fmt.Errorf("zip: parse NetInfoReply: header: not that of an answer")
	}
	n.Flags = Flags(b[1])
	n.Range = ddp.Range{First: binary.BigEndian.Uint16(b[2:]), Last: binary.BigEndian.Uint16(b[4:])}
	if !n.Range.Valid() {
		return n, fmt.Errorf("zip: parse NetInfoReply: range: %v is none of a cable", n.Range)
	}
	rest := b[6:]
	if n.Requested, rest, err = cutName(rest); err != nil {
		return n, fmt.Errorf("zip: parse NetInfoReply: zone: %w", err)
	}
	if n.Multicast, rest, err = cutMulticast(rest, n.Flags); err != nil {
		return n, fmt.Errorf("zip: parse NetInfoReply: multicast address: %w", err)
	}
	if n.Flags&Invalid != 0 {
		if n.Default, _, err = cutZone(rest); err != nil {
			return n, fmt.Errorf("zip: parse NetInfoReply: default zone: %w", err)
		}
	}
	return n, nil
}

func cutMulticast(b []byte, f Flags) (hw link.Hardware, rest []byte, err error) {
	if len(b) == 0 {
		return hw, nil, fmt.Errorf("missing")
	}
	size := int(b[0])
	if len(b) < 1+size {
		return hw, nil, fmt.Errorf("%d octets, of which %d are there", size, len(b)-1)
	}
	if size == len(hw) && f&UseBroadcast == 0 {
		hw = link.Hardware(b[1 : 1+size])
	}
	if !hw.IsZero() && !hw.IsMulticast() {
		return hw, nil, fmt.Errorf("%v is none", hw)
	}
	return hw, b[1+size:], nil
}

func appendMulticast(b []byte, hw link.Hardware) []byte {
	if hw.IsZero() {
		return append(b, 0)
	}
	return append(append(b, byte(len(hw))), hw[:]...)
}

// Append appends an answer, with the default zone only if the flag says so.
func (n NetInfo) Append(b []byte) []byte {
	b = append(b, byte(FunctionNetInfoReply), byte(n.Flags))
	b = binary.BigEndian.AppendUint16(b, n.Range.First)
	b = binary.BigEndian.AppendUint16(b, n.Range.Last)
	b = appendMulticast(appendName(b, n.Requested), n.Multicast)
	if n.Flags&Invalid != 0 {
		b = appendName(b, n.Default)
	}
	return b
}

// Notify tells the nodes of a zone its new name and multicast address.
type Notify struct {
	Flags     Flags
	Old       string
	Multicast link.Hardware // of the new name; zero if there is none
	New       string
}

// String writes a notification.
func (n Notify) String() string {
	return fmt.Sprintf("ZIPNotify(flags=%v, old=%q, multicast=%v, new=%q)", n.Flags, macroman.Decode(n.Old), n.Multicast, macroman.Decode(n.New))
}

// ParseNotify reads a notification.
func ParseNotify(b []byte) (n Notify, err error) {
	// function, flags, 4 octets 0, old zone length, old zone, multicast address length, multicast address, new zone length, new zone
	if len(b) < 2+reserved || Function(b[0]) != FunctionNotify {
		return n, fmt.Errorf("zip: parse Notify: header: not that of a notification")
	}
	n.Flags = Flags(b[1])
	rest := b[2+reserved:]
	if n.Old, rest, err = cutZone(rest); err != nil {
		return n, fmt.Errorf("zip: parse Notify: old zone: %w", err)
	}
	if n.Multicast, rest, err = cutMulticast(rest, n.Flags); err != nil {
		return n, fmt.Errorf("zip: parse Notify: multicast address: %w", err)
	}
	if n.New, _, err = cutZone(rest); err != nil {
		return n, fmt.Errorf("zip: parse Notify: new zone: %w", err)
	}
	return n, nil
}

// Append appends a notification.
func (n Notify) Append(b []byte) []byte {
	b = append(b, byte(FunctionNotify), byte(n.Flags), 0, 0, 0, 0)
	return appendName(appendMulticast(appendName(b, n.Old), n.Multicast), n.New)
}
