package cotp

import (
	"encoding/binary"
	"fmt"
)

// Connect is what CR and CC hold. X.224 (11/95) 13.3, 13.4
type Connect struct {
	DstRef, SrcRef  uint16
	Class           uint8   // preferred in CR, selected in CC
	Alternatives    Classes // CR: other classes that would do
	Calling, Called []byte  // TSAP selectors of at most MaxSelector octets; empty is none
	Size            Size    // of a TPDU, 0 if none is said
	Preferred       int     // the same in octets, a multiple of 128; 0 if none is said
	HasOptions      bool    // Options are there
	Options         Options
	UserData        []byte // at most MaxUserData octets
}

// CR is a connection request.
type CR Connect

// CC is a connection confirm.
type CC Connect

// Classes is a set of protocol classes: bit n stands for class n.
type Classes uint8

// Has tells whether a class is in the set.
func (c Classes) Has(class int) bool { return c&(1<<class) != 0 }

const (
	maxClass = 4
	// maxPreferred is the longest value of the preferred maximum TPDU size, in octets. X.224 (11/95) 13.3.4 c
	maxPreferred  = 4
	preferredUnit = 128
	fixedConnect  = 7 // LI, code, references, class
)

// AppendBinary appends the TPDU.
func (p CR) AppendBinary(b []byte) ([]byte, error) { return appendConnect(b, TypeCR, Connect(p)) }

// AppendBinary appends the TPDU.
func (p CC) AppendBinary(b []byte) ([]byte, error) { return appendConnect(b, TypeCC, Connect(p)) }

func appendConnect(b []byte, t Type, p Connect) ([]byte, error) {
	for _, v := range []struct {
		name      string
		len, most int
	}{{"calling TSAP selector", len(p.Calling), MaxSelector}, {"called TSAP selector", len(p.Called), MaxSelector},
		{"user data", len(p.UserData), MaxUserData}} {
		if v.len > v.most {
			return b, fmt.Errorf("cotp: append %v: %s: length %d exceeds %d", t, v.name, v.len, v.most)
		}
	}
	units := p.Preferred / preferredUnit
	if p.Class > maxClass || p.Size != 0 && (p.Size < Size128 || p.Size > Size65531) || units*preferredUnit != p.Preferred || p.Preferred > MaxTPDU {
		return b, fmt.Errorf("cotp: append %v: class %d, size code %02X, preferred size %d", t, p.Class, uint8(p.Size), p.Preferred)
	}
	w := newWriter(b, t)
	w.uint16(p.DstRef)
	w.uint16(p.SrcRef)
	w.b = append(w.b, p.Class<<4)
	if p.Size != 0 {
		w.param(paramSize, byte(p.Size))
	}
	if len(p.Calling) > 0 {
		w.param(paramCalling, p.Calling...)
	}
	if len(p.Called) > 0 {
		w.param(paramCalled, p.Called...)
	}
	if p.HasOptions {
		w.param(paramOptions, byte(p.Options))
	}
	if units > 0 {
		w.param(paramPreferred, byte(units>>8), byte(units))
	}
	if p.Alternatives != 0 {
		var classes []byte
		for c := range maxClass + 1 {
			if p.Alternatives.Has(c) {
				classes = append(classes, byte(c)<<4)
			}
		}
		w.param(paramAlternatives, classes...)
	}
	return w.finish(p.UserData), nil
}

func parseConnect(tpdu []byte) (p Connect, err error) {
	if err := wantFixed(tpdu, fixedConnect); err != nil {
		return p, err
	}
	p.DstRef, p.SrcRef = binary.BigEndian.Uint16(tpdu[2:]), binary.BigEndian.Uint16(tpdu[4:])
	p.Class = tpdu[6] >> 4
	p.UserData = tpdu[int(tpdu[0])+1:]
	switch {
	case p.Class > maxClass:
		err = wrong(tpdu, 6, CauseParameter, "class %d does not exist", p.Class)
	case len(p.UserData) > MaxUserData:
		err = wrong(tpdu, len(tpdu), CauseParameter, "%d octets of user data exceed %d", len(p.UserData), MaxUserData)
	default:
		err = params(tpdu, fixedConnect, func(code byte, v []byte, at int) error { return p.param(tpdu, code, v, at) })
	}
	if e, ok := err.(*ProtocolError); ok {
		e.srcRef = p.SrcRef
	}
	return p, err
}

// param takes a parameter. Those of the classes that we do not speak are passed over, as are unknown ones.
func (p *Connect) param(tpdu []byte, code byte, v []byte, at int) error {
	bad := func(format string, args ...any) error {
		text := fmt.Sprintf(format, args...)
		return wrong(tpdu, at+1+len(v), CauseParameter, "parameter %02X (%s): %s", code, paramNames[code], text)
	}
	switch code {
	case paramSize, paramOptions:
		if len(v) != 1 {
			return bad("length %d is not 1", len(v))
		}
	case paramCalling, paramCalled:
		if len(v) > MaxSelector {
			return bad("length %d exceeds %d", len(v), MaxSelector)
		}
	}
	switch code {
	case paramSize:
		if p.Size = Size(v[0]); p.Size < Size128 || p.Size > Size65531 {
			return bad("code %02X does not exist", v[0])
		}
	case paramCalling:
		p.Calling = v
	case paramCalled:
		p.Called = v
	case paramOptions:
		p.HasOptions, p.Options = true, Options(v[0])
	case paramAlternatives:
		p.Alternatives = 0
		for _, c := range v {
			if c>>4 <= maxClass {
				p.Alternatives |= 1 << (c >> 4)
			}
		}
	case paramPreferred:
		var units uint32
		for _, o := range v {
			units = units<<8 | uint32(o)
		}
		if len(v) > maxPreferred || units == 0 {
			return bad("% x is not a size", v)
		}
		p.Preferred = int(min(units, MaxTPDU/preferredUnit)) * preferredUnit
	}
	return nil
}

func (p CR) String() string { return Connect(p).notation("CR") }
func (p CC) String() string { return Connect(p).notation("CC") }

func (p Connect) notation(name string) string {
	n := newNotation(name)
	if p.DstRef != 0 {
		n.add("dst=%04x", p.DstRef)
	}
	n.add("src=%04x", p.SrcRef)
	if p.Class != 0 {
		n.add("class=%d", p.Class)
	}
	for c := range maxClass + 1 {
		if p.Alternatives.Has(c) {
			n.add("or=%d", c)
		}
	}
	n.octets("calling", p.Calling)
	n.octets("called", p.Called)
	if p.Size != 0 {
		n.add("size=%d", p.Size.Octets())
	}
	if p.Preferred != 0 {
		n.add("preferred=%d", p.Preferred)
	}
	if p.HasOptions {
		n.add("options=%02x", uint8(p.Options))
	}
	n.octets("data", p.UserData)
	return n.end()
}
