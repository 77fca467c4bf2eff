// Package aarp is the AppleTalk Address Resolution Protocol on Ethernet (Inside AppleTalk, second edition, chapter 2): packets, and a
// machine that acquires a node's address on an extended network, defends it, and finds the hardware addresses of others.
//
//	m := aarp.New(hardware, rng)
//	m.Acquire(now, ddp.Range{First: 3, Last: 5}, ddp.Addr{}) // then Tick at Next, and Handle for each packet, until Addr is not zero
//	to, ok := m.Resolve(now, ddp.Addr{Net: 4, Node: 77}, datagram)
//
// # Limitations
//
// It learns from answers to its own requests and from requests for its own address, and from nothing else.
package aarp

import (
	"encoding/binary"
	"fmt"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/link"
)

// Function is what a packet is for.
type Function uint16

// The functions. IA2 ch. 2
const (
	Request  Function = 1
	Response Function = 2
	Probe    Function = 3
)

// Size is the size of a packet in octets.
const Size = 28

const (
	hardwareEthernet  = 1
	protocolAppleTalk = 0x809B
)

// Packet is a packet.
type Packet struct {
	Function Function
	SrcHW    link.Hardware
	Src      ddp.Addr
	DstHW    link.Hardware // zero in requests and probes
	Dst      ddp.Addr
}

// String writes a packet.
func (p Packet) String() string {
	names := [...]string{"", "request", "response", "probe"}
	return fmt.Sprintf("AARP(%s, %v %v to %v %v)", names[p.Function], p.Src, p.SrcHW, p.Dst, p.DstHW)
}

// Parse reads a packet. What follows it is not looked at: some senders count a pad in the length.
func Parse(b []byte) (p Packet, err error) {
	if len(b) < Size {
		return p, fmt.Errorf("aarp: parse packet: length: %d octets are less than %d", len(b), Size)
	}
	// hardware type, protocol type, address lengths
	if binary.BigEndian.Uint16(b) != hardwareEthernet || binary.BigEndian.Uint16(b[2:]) != protocolAppleTalk || b[4] != 6 || b[5] != 4 {
		return p, fmt.Errorf("aarp: parse packet: types and address lengths: not those of AppleTalk on Ethernet")
	}
	p.Function = Function(binary.BigEndian.Uint16(b[6:]))
	if p.Function < Request || p.Function > Probe {
		return p, fmt.Errorf("aarp: parse packet: function: %d is not 1 to 3", p.Function)
	}
	// source hardware and protocol address, destination hardware and protocol address; a protocol address begins with a zero octet,
	// which is not looked at
	p.SrcHW = link.Hardware(b[8:14])
	p.Src = ddp.Addr{Net: binary.BigEndian.Uint16(b[15:]), Node: b[17]}
	p.DstHW = link.Hardware(b[18:24])
	p.Dst = ddp.Addr{Net: binary.BigEndian.Uint16(b[25:]), Node: b[27]}
	if p.SrcHW.IsMulticast() || p.SrcHW.IsZero() {
		return p, fmt.Errorf("aarp: parse packet: source hardware address: %v is none of one station", p.SrcHW)
	}
	return p, nil
}

// Append appends a packet.
func (p Packet) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, hardwareEthernet)
	b = binary.BigEndian.AppendUint16(b, protocolAppleTalk)
	b = append(b, 6, 4)
	b = binary.BigEndian.AppendUint16(b, uint16(p.Function))
	b = append(append(b, p.SrcHW[:]...), 0)
	b = append(binary.BigEndian.AppendUint16(b, p.Src.Net), p.Src.Node)
	b = append(append(b, p.DstHW[:]...), 0)
	return append(binary.BigEndian.AppendUint16(b, p.Dst.Net), p.Dst.Node)
}
