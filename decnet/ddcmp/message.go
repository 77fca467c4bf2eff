package ddcmp

import (
	"encoding/binary"
	"fmt"
)

// Kind is the kind of a message.
type Kind uint8

// Messages: those with data by their first octet, control messages by their second. (decnet 4.2)
const (
	KindData  Kind = 0x81 // SOH
	KindMaint Kind = 0x90 // DLE: maintenance
	KindAck   Kind = 1
	KindNak   Kind = 2
	KindRep   Kind = 3
	KindStart Kind = 6 // STRT
	KindStack Kind = 7

	enq     = 0x05 // begins a control message
	station = 1    // the address of either end on a line of two
	flags   = 0xc0 // QSYNC and SELECT

	headerSize = 8
	crcSize    = 2
	// MaxData is the most octets of a message's data.
	MaxData = 0x3fff
)

var kindNames = map[Kind]string{KindData: "DATA", KindMaint: "MAINT", KindAck: "ACK", KindNak: "NAK", KindRep: "REP", KindStart: "STRT", KindStack: "STACK"}

func (k Kind) String() string {
	if s, ok := kindNames[k]; ok {
		return s
	}
	return fmt.Sprintf("message-%02x", uint8(k))
}

// Reasons of a NAK.
const (
	nakHeader = 1 // CRC of a header
	nakData   = 2 // CRC of data
	nakRep    = 3 // answers REP
)

// Message is a DDCMP message.
type Message struct {
	Kind   Kind
	Resp   uint8 // data, ACK, NAK: the last number that has come in order
	Num    uint8 // data: its number; REP: the last one that was sent
	Reason uint8 // NAK
	Data   []byte
}

func (m *Message) String() string {
	switch m.Kind {
	case KindData:
		return fmt.Sprintf("DATA(num=%d, resp=%d, %d octets)", m.Num, m.Resp, len(m.Data))
	case KindAck:
		return fmt.Sprintf("ACK(resp=%d)", m.Resp)
	case KindNak:
		return fmt.Sprintf("NAK(resp=%d, reason=%d)", m.Resp, m.Reason)
	case KindRep:
		return fmt.Sprintf("REP(num=%d)", m.Num)
	}
	return m.Kind.String()
}

// crcTable is that of CRC-16: polynomial 8005, reflected.
var crcTable = func() (t [256]uint16) {
	for i := range t {
		c := uint16(i)
		for range 8 {
			if c&1 != 0 {
				c = c>>1 ^ 0xa001
			} else {
				c >>= 1
			}
		}
		t[i] = c
	}
	return t
}()

func crc(b []byte) (c uint16) {
	for _, o := range b {
		c = crcTable[byte(c)^o] ^ c>>8
	}
	return c
}

// Append appends the message; it panics if its data are longer than MaxData.
func (m *Message) Append(b []byte) []byte {
	var h [headerSize - crcSize]byte
	h[5] = station
	switch m.Kind {
	case KindData, KindMaint:
		if len(m.Data) > MaxData {
			panic("BUG: ddcmp: data are too long")
		}
		h[0], h[1], h[2] = byte(m.Kind), byte(len(m.Data)), byte(len(m.Data)>>8)
		h[3], h[4] = m.Resp, m.Num
		if m.Kind == KindMaint {
			h[2] |= flags
		}
	default:
		h[0], h[1], h[3], h[4] = enq, byte(m.Kind), m.Resp, m.Num
		switch m.Kind {
		case KindNak:
			h[2] = m.Reason & 0x3f
		case KindStart, KindStack:
			h[2] = flags
		}
	}
	b = append(b, h[:]...)
	b = binary.LittleEndian.AppendUint16(b, crc(h[:]))
	if m.Kind == KindData || m.Kind == KindMaint {
		b = append(b, m.Data...)
		b = binary.LittleEndian.AppendUint16(b, crc(m.Data))
	}
	return b
}

// Scan finds the next message in a stream of octets. n is how many octets to take, with those that were passed over; ok is false if there is no
// whole message yet. Damaged says that the message's data, or a header in front of it, had a wrong checksum; then it holds no data. Its data
// alias b.
func Scan(b []byte) (m Message, n int, ok bool, damaged uint8) {
	for i := 0; ; i++ {
		for i < len(b) && b[i] != byte(KindData) && b[i] != enq && b[i] != byte(KindMaint) {
			i++
		}
		if len(b)-i < headerSize {
			return m, i, false, 0
		}
		h := b[i : i+headerSize]
		if crc(h[:6]) != binary.LittleEndian.Uint16(h[6:]) {
			damaged = nakHeader
			continue
		}
		if h[0] == enq {
			m = Message{Kind: Kind(h[1]), Resp: h[3], Num: h[4], Reason: h[2] & 0x3f}
			if m.Kind != KindNak {
				m.Reason = 0
			}
			return m, i + headerSize, true, 0
		}
		size := int(h[1]) | int(h[2]&^flags)<<8
		end := i + headerSize + size + crcSize
		if len(b) < end {
			return m, i, false, 0
		}
		m = Message{Kind: Kind(h[0]), Resp: h[3], Num: h[4]}
		data := b[i+headerSize : end-crcSize : end-crcSize]
		if crc(data) != binary.LittleEndian.Uint16(b[end-crcSize:]) {
			return m, end, true, nakData
		}
		m.Data = data
		return m, end, true, 0
	}
}
