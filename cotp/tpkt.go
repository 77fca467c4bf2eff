package cotp

import "encoding/binary"

const (
	// HeaderSize is the number of octets before the user data of DT and ED: those of TPKT, LI, code, and TPDU-NR with EOT.
	HeaderSize = tpktSize + 3

	// dataHeader is the part of it that counts in the size of a TPDU.
	dataHeader = HeaderSize - tpktSize

	tpktSize    = 4
	tpktVersion = 3
	eot         = 0x80
)

// Header is what the first octets of a packet say: those of TPKT and of the TPDU in it.
type Header struct {
	Type Type
	Size int  // of the packet in octets, TPKT and all
	Data int  // octets of user data after the header: DT and ED
	EOT  bool // DT: the TSDU ends with it
}

// ParseHeader reads the header of the packet that b begins with. n is how many octets to take: HeaderSize for DT and ED, whose user
// data follow; the whole packet for others, to be given to Parse; 0 if b holds too few to tell. An error is a *ProtocolError: there
// is no reading on.
//
// Lax are: the reserved octet of TPKT, which is not looked at (RFC 2126 has it so), and TPDU-NR, in which peers of class 0 may have
// anything (ISODE sends an ED with or without EOT, as its machine's order of octets has it).
func ParseHeader(b []byte) (h Header, n int, err error) {
	if len(b) > 0 && b[0] != tpktVersion {
		return h, 0, wrongPacket("version %d is not %d", b[0], tpktVersion)
	}
	if len(b) < tpktSize {
		return h, 0, nil
	}
	h.Size = int(binary.BigEndian.Uint16(b[2:]))
	if h.Size < HeaderSize {
		return h, 0, wrongPacket("length %d is less than %d", h.Size, HeaderSize)
	}
	if len(b) < HeaderSize {
		return h, 0, nil
	}
	tpdu := b[tpktSize:HeaderSize]
	h.Type = typeOf(tpdu[1])
	li, room := int(tpdu[0]), h.Size-tpktSize-1
	if li > min(room, maxLI) {
		return h, 0, wrong(tpdu, 0, CauseParameter, "LI %d exceeds %d", li, min(room, maxLI))
	}
	switch h.Type {
	case TypeDT, TypeED:
		if err := h.data(tpdu); err != nil {
			return h, 0, err
		}
		return h, HeaderSize, nil
	case TypeCR, TypeCC, TypeDR, TypeER:
	default:
		return h, 0, wrong(tpdu, 1, CauseType, "not a TPDU of class 0")
	}
	if h.Size > maxControl {
		return h, 0, wrong(tpdu, 0, CauseParameter, "packet of %d octets exceeds %d", h.Size, maxControl)
	}
	if len(b) < h.Size {
		return h, 0, nil
	}
	return h, h.Size, nil
}

// data reads the header of DT or ED. RFC 1006's ED has the form of DT.
func (h *Header) data(tpdu []byte) error {
	h.Data = h.Size - HeaderSize
	switch {
	case tpdu[0] != 2:
		return wrong(tpdu, 0, CauseParameter, "LI %d is not 2", tpdu[0])
	case tpdu[1] != byte(h.Type):
		return wrong(tpdu, 1, CauseType, "code %02X is not %02X", tpdu[1], uint8(h.Type))
	case h.Type == TypeDT:
		h.EOT = tpdu[2]&eot != 0
	case h.Data < 1 || h.Data > MaxExpedited:
		return wrong(tpdu, 0, CauseParameter, "%d octets of user data are not 1 to %d", h.Data, MaxExpedited)
	}
	return nil
}

// typeOf masks the credit, which only other classes have: the upper half of a code is its type.
func typeOf(code byte) Type { return Type(code & 0xf0) }

// PutHeader writes the header of a DT or ED with n octets of user data to the first HeaderSize octets of b.
func PutHeader(b []byte, t Type, n int, end bool) {
	if n < 0 || n > MaxTPDU-dataHeader {
		panic("BUG: cotp: TPDU size")
	}
	b[0], b[1] = tpktVersion, 0
	binary.BigEndian.PutUint16(b[2:], uint16(HeaderSize+n))
	b[4], b[5], b[6] = 2, byte(t), 0
	if end {
		b[6] = eot
	}
}

// writer appends a TPDU in a TPKT, whose lengths are filled in by its methods.
type writer struct {
	b     []byte
	start int
}

func newWriter(b []byte, t Type) writer {
	return writer{b: append(b, tpktVersion, 0, 0, 0, 0, byte(t)), start: len(b)}
}

func (w *writer) uint16(v uint16) { w.b = binary.BigEndian.AppendUint16(w.b, v) }

func (w *writer) param(code byte, v ...byte) { w.b = append(append(w.b, code, byte(len(v))), v...) }

// finish ends the header and adds user data.
func (w *writer) finish(data []byte) []byte {
	li := len(w.b) - w.start - tpktSize - 1
	if li > maxLI {
		panic("BUG: cotp: LI")
	}
	w.b[w.start+tpktSize] = byte(li)
	w.b = append(w.b, data...)
	binary.BigEndian.PutUint16(w.b[w.start+2:], uint16(len(w.b)-w.start))
	return w.b
}
