package spdu

import (
	"bytes"
	"encoding/binary"
)

// A set holds parameter codes.
type set [numParams / 64]uint64

func setOf(params ...Param) (s set) {
	for _, p := range params {
		s.add(p)
	}
	return s
}

func (s *set) add(p Param)      { s[p/64] |= 1 << (p % 64) }
func (s *set) has(p Param) bool { return s[p/64]&(1<<(p%64)) != 0 }

// readLI reads a length indicator: one octet up to 254, or FF and two octets. n is its own size, 0 if b ends within it. A long
// form for a short length is not to be sent, but being lenient with it is safe (x225 2.1).
func readLI(b []byte) (li, n int) {
	switch {
	case len(b) == 0:
		return 0, 0
	case b[0] <= shortLI:
		return int(b[0]), 1
	case len(b) < 3:
		return 0, 0
	}
	return int(binary.BigEndian.Uint16(b[1:])), 3
}

// open checks the SI and LI at the start of b and returns the parameter field and the octets up to its end.
func open(pdu string, si SI, b []byte) (field []byte, n int, err error) {
	if len(b) == 0 {
		return nil, 0, errorf(Truncated, pdu, 0, "no octets")
	}
	if SI(b[0]) != si {
		return nil, 0, fail(errorf(UnknownSPDU, pdu, 0, "SI %d is not %d", b[0], si), b)
	}
	li, n := readLI(b[1:])
	if n == 0 {
		return nil, 0, fail(errorf(Truncated, pdu, 0, "no LI"), b)
	}
	n++
	if li > len(b)-n {
		return nil, 0, fail(errorf(Truncated, pdu, 0, "LI %d exceeds the %d octets there are", li, len(b)-n), b)
	}
	return b[n : n+li], n + li, nil
}

// fail puts what the answer reflects into the error.
func fail(e *ProtocolError, b []byte) error {
	if e.Reflect == nil {
		e.Reflect = bytes.Clone(b[:min(len(b), ReflectMax)])
	}
	return e
}

// units reads the parameters of one nesting level. It cannot overrun: what it returns lies within b.
type units struct {
	pdu   string
	spdu  []byte // from its SI on, to be reflected
	b     []byte // not yet read
	legal *set
	seen  set
}

// next returns the next parameter of the SPDU. It skips codes that X.225 does not define, by the rules of extensibility, and
// empty parameters, which count as absent (x225 2.1). ok is false at the end.
func (u *units) next() (p Param, v []byte, ok bool, err error) {
	for len(u.b) > 0 {
		p := Param(u.b[0])
		li, n := readLI(u.b[1:])
		if n == 0 {
			return 0, nil, false, u.fail(BadLength, p, "no LI")
		}
		if n++; li > len(u.b)-n {
			return 0, nil, false, u.fail(BadLength, p, "LI %d exceeds the %d octets there are", li, len(u.b)-n)
		}
		v := u.b[n : n+li]
		u.b = u.b[n+li:]
		if !p.known() {
			continue
		}
		if !u.legal.has(p) {
			return 0, nil, false, u.fail(Misplaced, p, "%w", errMisplaced)
		}
		if u.seen.has(p) {
			return 0, nil, false, u.fail(Duplicate, p, "%w", errDuplicate)
		}
		u.seen.add(p)
		if li > 0 {
			return p, v, true, nil
		}
	}
	return 0, nil, false, nil
}

// group reads on inside the value of a parameter group.
func (u *units) group(v []byte, legal *set) units {
	return units{pdu: u.pdu, spdu: u.spdu, b: v, legal: legal}
}

func (u *units) fail(c Code, p Param, format string, args ...any) error {
	return fail(errorf(c, u.pdu, p, format, args...), u.spdu)
}

// octet returns the value of a parameter of one octet.
func (u *units) octet(p Param, v []byte) (byte, error) {
	if len(v) != 1 {
		return 0, u.fail(BadLength, p, "length %d is not 1", len(v))
	}
	return v[0], nil
}

func (u *units) uint16(p Param, v []byte) (uint16, error) {
	if len(v) != 2 {
		return 0, u.fail(BadLength, p, "length %d is not 2", len(v))
	}
	return binary.BigEndian.Uint16(v), nil
}

// upTo returns a value of at most max octets.
func (u *units) upTo(p Param, v []byte, max int) ([]byte, error) {
	if len(v) > max {
		return nil, u.fail(BadLength, p, "length %d exceeds %d", len(v), max)
	}
	return v, nil
}

func (u *units) enclosure(v []byte) (Enclosure, error) {
	o, err := u.octet(piEnclosure, v)
	return Middle | Enclosure(o&3), err
}

func (u *units) tsduSize(v []byte) (s TSDUSize, err error) {
	if len(v) != 4 {
		return s, u.fail(BadLength, piTSDUSize, "length %d is not 4", len(v))
	}
	return TSDUSize{binary.BigEndian.Uint16(v), binary.BigEndian.Uint16(v[2:])}, nil
}

// serial reads a serial number: decimal digits, the most significant first (x225 2.8).
func (u *units) serial(p Param, v []byte) (s Serial, err error) {
	if _, err := u.upTo(p, v, maxSerialDigits); err != nil {
		return s, err
	}
	for _, d := range v {
		if d < '0' || d > '9' {
			return s, u.fail(BadValue, p, "octet %#02x is not a digit", d)
		}
		s.N = s.N*10 + uint32(d-'0')
	}
	s.Present = true
	return s, nil
}

// only checks that a segment which continues an SSDU has nothing but its enclosure item and user data (x225 2.10).
func (u *units) only(params ...Param) error {
	rest := u.seen
	for _, p := range params {
		rest[p/64] &^= 1 << (p % 64)
	}
	for p := range Param(numParams - 1) {
		if rest.has(p) {
			return u.fail(Misplaced, p, "%w", errContinued)
		}
	}
	return nil
}
