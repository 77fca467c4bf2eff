package nsp

import (
	"fmt"

	"github.com/tenuto-session/tenuto/decnet/internal/octets"
)

// ParseError is a message that is none. It is dropped and counted; NSP has no answer to it.
type ParseError struct {
	Type Type
	Text string
}

func (e *ParseError) Error() string { return fmt.Sprintf("nsp: parse %v: %s", e.Type, e.Text) }

// Parse reads a message. Its Data alias b. An error is a *ParseError.
//
// Lax are, each as some peer needs it or the fact sheet says: the reserved bits of SEGNUM and of SERVICES, which are not looked at;
// what follows a CA (VAXELN sends it); user data of CC and DI that are missing or too long, which are taken for none; INFO of more
// than one octet; acknowledgements with a reserved qualifier, which are skipped.
func Parse(b []byte) (m Message, err error) {
	r := octets.Reader{B: b}
	m.Type = Type(r.Uint8("MSGFLG"))
	t := m.Type.base()
	if r.Err == nil && m.Type&reservedFlags != 0 {
		r.Fail("MSGFLG: reserved bits in %02x", uint8(m.Type))
	}
	if _, ok := typeNames[t]; !ok {
		r.Fail("MSGFLG: %02x is no message", uint8(m.Type))
	}
	if r.Err == nil && t == TypeNop {
		m.Data = r.B
		return m, nil
	}
	m.Dst = r.Uint16("DSTADDR")
	if t != TypeConnectAck {
		m.Src = r.Uint16("SRCADDR")
	}
	if m.Dst == 0 && t != TypeConnect && t != TypeConnectAgain {
		r.Fail("DSTADDR: is zero")
	}
	if m.Src == 0 && t != TypeConnectAck && t != TypeDisconnected {
		r.Fail("SRCADDR: is zero")
	}
	switch t {
	case TypeData, TypeLinkService, TypeInterrupt, TypeDataAck, TypeOtherAck:
		m.parseSubchannel(t, &r)
	case TypeConnect, TypeConnectAgain, TypeConfirm:
		m.parseConnect(t, &r)
	case TypeDisconnect, TypeDisconnected:
		m.Reason = r.Uint16("REASON")
		if t == TypeDisconnect {
			m.Data = lenient(&r)
		}
	}
	if r.Err != nil {
		return Message{}, &ParseError{m.Type, r.Err.Error()}
	}
	return m, nil
}

// lenient reads the image of a peer who may have sent none.
func lenient(r *octets.Reader) []byte {
	if r.Err != nil || len(r.B) == 0 {
		return nil
	}
	if n := int(r.B[0]); n > MaxConnectData || n > len(r.B)-1 {
		return nil
	}
	return r.Image(MaxConnectData, "DATA")
}

func (m *Message) parseConnect(t Type, r *octets.Reader) {
	if t != TypeConfirm && m.Dst != 0 {
		r.Fail("DSTADDR: %04x is not zero", m.Dst)
	}
	m.Flow = FlowControl(r.Uint8("SERVICES") >> 2 & 3)
	if m.Flow > FlowMessage {
		r.Fail("SERVICES: reserved flow control")
	}
	info := r.Uint8("INFO")
	m.Info = Info(info & 3)
	for n := 1; info&0x80 != 0 && r.Err == nil; n++ {
		if info = r.Uint8("INFO"); n == maxInfo {
			r.Fail("INFO: more than %d octets", maxInfo)
		}
	}
	m.SegSize = r.Uint16("SEGSIZE")
	if m.SegSize == 0 {
		r.Fail("SEGSIZE: is zero")
	}
	if m.Data = r.B; t == TypeConfirm {
		m.Data = lenient(r)
	}
}

func (m *Message) parseSubchannel(t Type, r *octets.Reader) {
	n := m.parseAcks(r)
	if t == TypeDataAck || t == TypeOtherAck {
		if n == 0 {
			r.Fail("ACKNUM: is missing")
		}
		return
	}
	num := r.Uint16("SEGNUM")
	if num&ackFlag != 0 {
		r.Fail("SEGNUM: a third acknowledgement, or reserved bits, in %04x", num)
	}
	m.Number = num & (numbers - 1)
	m.Delay = t == TypeData && num&delayFlag != 0
	switch t {
	case TypeData:
		m.Data = r.B
	case TypeInterrupt:
		if m.Data = r.B; len(m.Data) > MaxInterrupt {
			r.Fail("data: length %d exceeds %d", len(m.Data), MaxInterrupt)
		}
	case TypeLinkService:
		flags := r.Uint8("LSFLAGS")
		m.Switch, m.Interrupts = Switch(flags&3), flags>>2&3 == 1
		m.Reserved = flags>>4 != 0 || m.Switch > Xon || flags>>2&3 > 1
		m.Credit = int8(r.Uint8("FCVAL"))
	}
}

// parseAcks reads up to two words and returns how many there were.
func (m *Message) parseAcks(r *octets.Reader) (n int) {
	for n < len(m.Acks) && r.Err == nil && len(r.B) >= 2 && r.B[1]&(ackFlag>>8) != 0 {
		word := r.Uint16("ACKNUM")
		if q := Qual(word >> 12 & 7); q <= QualCrossNak {
			m.Acks[n] = Ack{true, q, word & (numbers - 1)}
		}
		n++
	}
	if a, b := m.Acks[0], m.Acks[1]; a.Present && b.Present && (a.Qual >= QualCross) == (b.Qual >= QualCross) {
		r.Fail("ACKNUM: two for one subchannel")
	}
	return n
}
