package ddp

import (
	"encoding/binary"
	"fmt"
)

// Sizes in octets.
const (
	ShortHeader = 5
	LongHeader  = 13
	MaxData     = 586
	MaxLong     = LongHeader + MaxData
	MaxHops     = 15 // the field has four bits, and a network is at most so many routers away
	lengthMask  = 0x3FF
)

// Datagram is a datagram. Its networks are 0 where it came with the short header, which has none.
type Datagram struct {
	Dst, Src Socket
	Type     Type
	Hops     uint8
	Checksum uint16 // long header: as it is sent or was received; 0 says that there is none
	Data     []byte
}

// String writes a datagram without its data.
func (d *Datagram) String() string {
	return fmt.Sprintf("DDP(%v to %v, %v, hops=%d, data=%d)", d.Src, d.Dst, d.Type, d.Hops, len(d.Data))
}

// Error is what is wrong with a datagram that was received. It is a value so that a flood of them costs no memory.
type Error uint8

// The errors.
const (
	ErrTruncated Error = iota + 1
	ErrLength
	ErrTooLong
	ErrChecksum
	ErrSocket
	ErrType
)

var errorTexts = [...]string{
	ErrTruncated: "header: shorter than it is to be",
	ErrLength:    "length: not that of what was received",
	ErrTooLong:   "length: more than 586 octets of data",
	ErrChecksum:  "checksum: wrong",
	ErrSocket:    "socket: 0 or 255",
	ErrType:      "type: 0",
}

func (e Error) Error() string { return "ddp: parse datagram: " + errorTexts[e] }

// ParseShort reads a datagram with the short header (LLAP type 1), whose nodes are those of the frame. Data is part of b.
func ParseShort(b []byte, dst, src uint8) (d Datagram, err error) {
	if len(b) < ShortHeader {
		return d, ErrTruncated
	}
	// 6 bits zero, length; destination socket; source socket; type. The zero bits are not looked at.
	length := int(binary.BigEndian.Uint16(b) & lengthMask)
	if length != len(b) {
		return d, ErrLength
	}
	d.Dst = Socket{Addr{Node: dst}, b[2]}
	d.Src = Socket{Addr{Node: src}, b[3]}
	d.Type = Type(b[4])
	d.Data = b[ShortHeader:]
	return d, d.check()
}

// ParseLong reads a datagram with the long header (LLAP type 2, and all on extended networks), of which b holds nothing more. Its
// checksum is verified if it has one. Data is part of b.
func ParseLong(b []byte) (d Datagram, err error) {
	if len(b) < LongHeader {
		return d, ErrTruncated
	}
	// 2 bits zero, hop count, length; checksum; networks; nodes; sockets; type. The zero bits are not looked at.
	first := binary.BigEndian.Uint16(b)
	if int(first&lengthMask) != len(b) {
		return d, ErrLength
	}
	d.Hops = uint8(first>>10) & MaxHops
	d.Checksum = binary.BigEndian.Uint16(b[2:])
	d.Dst = Socket{Addr{binary.BigEndian.Uint16(b[4:]), b[8]}, b[10]}
	d.Src = Socket{Addr{binary.BigEndian.Uint16(b[6:]), b[9]}, b[11]}
	d.Type = Type(b[12])
	d.Data = b[LongHeader:]
	if err := d.check(); err != nil {
		return d, err
	}
	if d.Checksum != 0 && d.Checksum != Sum(b[4:]) {
		return d, ErrChecksum
	}
	return d, nil
}

func (d *Datagram) check() error {
	switch {
	case len(d.Data) > MaxData:
		return ErrTooLong
	case !validSocket(d.Dst.Num) || !validSocket(d.Src.Num):
		return ErrSocket
	case d.Type == 0:
		return ErrType
	}
	return nil
}

func validSocket(n uint8) bool { return n != 0 && n <= LastSocket }

// valid is check for what the user sends.
func (d *Datagram) valid() error {
	if err := d.check(); err != nil {
		return fmt.Errorf("ddp: append datagram: %s", errorTexts[err.(Error)])
	}
	if d.Hops > MaxHops {
		return fmt.Errorf("ddp: append datagram: hop count %d exceeds %d", d.Hops, MaxHops)
	}
	return nil
}

// AppendShort appends the short header and the data. The header has no place for networks, nodes, hops and a checksum.
func (d *Datagram) AppendShort(b []byte) ([]byte, error) {
	if err := d.valid(); err != nil {
		return b, err
	}
	b = binary.BigEndian.AppendUint16(b, uint16(ShortHeader+len(d.Data)))
	b = append(b, d.Dst.Num, d.Src.Num, uint8(d.Type))
	return append(b, d.Data...), nil
}

// AppendLong appends the long header, with the checksum as it is, and the data.
func (d *Datagram) AppendLong(b []byte) ([]byte, error) {
	if err := d.valid(); err != nil {
		return b, err
	}
	b = binary.BigEndian.AppendUint16(b, uint16(d.Hops)<<10|uint16(LongHeader+len(d.Data)))
	b = binary.BigEndian.AppendUint16(b, d.Checksum)
	b = d.appendSummed(b)
	return append(b, d.Data...), nil
}

// appendSummed appends the part of the long header that the checksum covers.
func (d *Datagram) appendSummed(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, d.Dst.Net)
	b = binary.BigEndian.AppendUint16(b, d.Src.Net)
	return append(b, d.Dst.Node, d.Src.Node, d.Dst.Num, d.Src.Num, uint8(d.Type))
}

// Sum is the checksum that the datagram has with the long header.
func (d *Datagram) Sum() uint16 {
	var header [LongHeader]byte
	return finish(sum(sum(0, d.appendSummed(header[:0])), d.Data))
}

// Sum is DDP's checksum of octets, also the hash of zone names: it is never 0. IA2 ch. 4
func Sum(b []byte) uint16 { return finish(sum(0, b)) }

func sum(c uint16, b []byte) uint16 {
	for _, v := range b {
		c += uint16(v)
		c = c<<1 | c>>15
	}
	return c
}

// finish replaces the sum that would say that there is none.
func finish(c uint16) uint16 {
	if c == 0 {
		return 0xFFFF
	}
	return c
}
