package cotp

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// TPDU is one of this package's types.
type TPDU interface {
	// AppendBinary appends the TPDU in a TPKT; of DT and ED the header alone. On an error, which says what value cannot be sent,
	// it returns b as it was.
	AppendBinary(b []byte) ([]byte, error)
	// String is the TPDU in the notation of logs, traces and scripts, as in DT(16, EOT). What is absent is left out.
	fmt.Stringer
}

// DT is a data TPDU without its user data. X.224 (11/95) 13.7
type DT struct {
	Length int  // octets of user data
	EOT    bool // the TSDU ends with it
}

// ED is an expedited data TPDU without its user data, as RFC 1006 has it.
type ED struct {
	Length int // octets of user data, 1 to MaxExpedited
}

// DR is a disconnect request. In class 0 it refuses a connection. X.224 (11/95) 13.5
type DR struct {
	DstRef, SrcRef uint16 // SrcRef is 0 if the sender has given none
	Reason         Reason
	Information    []byte // what its sender's user has to say
}

// ER says that a TPDU was wrong. X.224 (11/95) 13.12
type ER struct {
	DstRef  uint16
	Cause   Cause
	Invalid []byte // the wrong TPDU, up to the octet that is wrong
}

// AppendBinary appends the header.
func (p DT) AppendBinary(b []byte) ([]byte, error) {
	if p.Length < 0 || p.Length > MaxTPDU-dataHeader {
		return b, fmt.Errorf("cotp: append DT: %d octets of user data exceed %d", p.Length, MaxTPDU-dataHeader)
	}
	var h [HeaderSize]byte
	PutHeader(h[:], TypeDT, p.Length, p.EOT)
	return append(b, h[:]...), nil
}

// AppendBinary appends the header.
func (p ED) AppendBinary(b []byte) ([]byte, error) {
	if p.Length < 1 || p.Length > MaxExpedited {
		return b, fmt.Errorf("cotp: append ED: %d octets of user data are not 1 to %d", p.Length, MaxExpedited)
	}
	var h [HeaderSize]byte
	PutHeader(h[:], TypeED, p.Length, true)
	return append(b, h[:]...), nil
}

// AppendBinary appends the TPDU.
func (p DR) AppendBinary(b []byte) ([]byte, error) {
	w := newWriter(b, TypeDR)
	w.uint16(p.DstRef)
	w.uint16(p.SrcRef)
	w.b = append(w.b, byte(p.Reason))
	if len(p.Information) > 0 {
		if len(p.Information) > maxInvalid {
			return b, fmt.Errorf("cotp: append DR: additional information: length %d exceeds %d", len(p.Information), maxInvalid)
		}
		w.param(paramInformation, p.Information...)
	}
	return w.finish(nil), nil
}

// AppendBinary appends the TPDU.
func (p ER) AppendBinary(b []byte) ([]byte, error) {
	if len(p.Invalid) > maxInvalid {
		return b, fmt.Errorf("cotp: append ER: invalid TPDU: length %d exceeds %d", len(p.Invalid), maxInvalid)
	}
	w := newWriter(b, TypeER)
	w.uint16(p.DstRef)
	w.b = append(w.b, byte(p.Cause))
	if len(p.Invalid) > 0 {
		w.param(paramInvalid, p.Invalid...)
	}
	return w.finish(nil), nil
}

func (p DT) String() string {
	if p.EOT {
		return fmt.Sprintf("DT(%d, EOT)", p.Length)
	}
	return fmt.Sprintf("DT(%d)", p.Length)
}

func (p ED) String() string { return fmt.Sprintf("ED(%d)", p.Length) }

func (p DR) String() string {
	n := newNotation("DR")
	n.add("dst=%04x", p.DstRef)
	n.add("src=%04x", p.SrcRef)
	n.add("reason=%v", p.Reason)
	n.octets("information", p.Information)
	return n.end()
}

func (p ER) String() string {
	n := newNotation("ER")
	n.add("dst=%04x", p.DstRef)
	n.add("cause=%v", p.Cause)
	n.octets("invalid", p.Invalid)
	return n.end()
}

// Parse reads a whole packet; of DT and ED the header is enough. What the TPDU holds aliases packet. An error is a *ProtocolError.
//
// Lax are: parameters that are unknown, or known and of no use in class 0 (checksum, quality of service), which are passed over in
// every TPDU, where X.224 (11/95) 13.2.3 has it so in CR alone; and the lower halves of codes and classes, where peers leave a credit and
// options of the classes that they would rather have.
func Parse(packet []byte) (TPDU, error) {
	h, n, err := ParseHeader(packet)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, wrongPacket("%d octets are not a packet", len(packet))
	}
	tpdu := packet[tpktSize:n]
	switch h.Type {
	case TypeDT:
		return DT{h.Data, h.EOT}, nil
	case TypeED:
		return ED{h.Data}, nil
	case TypeCR:
		c, err := parseConnect(tpdu)
		return CR(c), err
	case TypeCC:
		c, err := parseConnect(tpdu)
		return CC(c), err
	case TypeDR:
		return parseDR(tpdu)
	}
	return parseER(tpdu)
}

func parseDR(tpdu []byte) (TPDU, error) {
	const fixed = 7 // LI, code, references, reason
	if err := wantFixed(tpdu, fixed); err != nil {
		return nil, err
	}
	p := DR{DstRef: binary.BigEndian.Uint16(tpdu[2:]), SrcRef: binary.BigEndian.Uint16(tpdu[4:]), Reason: Reason(tpdu[6])}
	err := params(tpdu, fixed, func(code byte, v []byte, _ int) error {
		if code == paramInformation {
			p.Information = v
		}
		return nil
	})
	return p, err
}

func parseER(tpdu []byte) (TPDU, error) {
	const fixed = 5 // LI, code, reference, cause
	if err := wantFixed(tpdu, fixed); err != nil {
		return nil, err
	}
	p := ER{DstRef: binary.BigEndian.Uint16(tpdu[2:]), Cause: Cause(tpdu[4])}
	err := params(tpdu, fixed, func(code byte, v []byte, _ int) error {
		if code == paramInvalid {
			p.Invalid = v
		}
		return nil
	})
	return p, err
}

// wantFixed checks that the header has a fixed part of n octets, LI included.
func wantFixed(tpdu []byte, n int) error {
	if int(tpdu[0])+1 < n {
		return wrong(tpdu, 0, CauseParameter, "LI %d is less than %d", tpdu[0], n-1)
	}
	return nil
}

// params calls f with the code and value of each parameter of a header whose variable part begins at octet from, and with the octet
// where the parameter begins. Which of two of the same code counts is f's affair: the last. X.224 (11/95) 13.2.3
func params(tpdu []byte, from int, f func(code byte, v []byte, at int) error) error {
	end := int(tpdu[0]) + 1
	for at := from; at < end; {
		code := tpdu[at]
		if end-at < 2 || int(tpdu[at+1]) > end-at-2 {
			return wrong(tpdu, min(at+1, end-1), CauseParameter, "parameter %02X exceeds the header", code)
		}
		n := int(tpdu[at+1])
		if err := f(code, tpdu[at+2:at+2+n], at); err != nil {
			return err
		}
		at += 2 + n
	}
	return nil
}

// notation builds the String of a TPDU.
type notation struct{ strings.Builder }

func newNotation(tpdu string) *notation {
	n := new(notation)
	n.WriteString(tpdu)
	n.WriteByte('(')
	return n
}

func (n *notation) add(format string, args ...any) {
	if s := n.String(); s[len(s)-1] != '(' {
		n.WriteString(", ")
	}
	fmt.Fprintf(n, format, args...)
}

// octets adds octets in hexadecimal, if there are any.
func (n *notation) octets(name string, v []byte) {
	if len(v) > 0 {
		n.add("%s=%x", name, v)
	}
}

func (n *notation) end() string {
	n.WriteByte(')')
	return n.String()
}
