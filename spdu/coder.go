package spdu

import (
	"encoding/binary"
	"slices"
)

// A coder appends one SPDU or parses one, so that an SPDU names its units once for both, in the order of their codes.
// The first error stays, and what follows it does nothing.
type coder struct {
	kind      kind
	reading   bool
	continued bool      // the SPDU is a segment that goes on with an SSDU: it has nothing but enclosure item and user data
	enclosure Enclosure // writing: still to be written
	b         []byte    // writing: what there is up to now; reading: the parameters of one level
	start     int       // writing: where the SPDU or group begins in b; reading: where b begins in the SPDU
	spdu      []byte    // reading: from the SI on
	size      int       // reading: octets of the SPDU, up to its user information
	have      uint64    // reading: the units there are, by slot
	left      uint64    // reading: those nobody has taken yet
	at        [64]uint16
	err       error
}

// Slots number the codes that X.225 defines: those up to 60 and the two groups of user data.
const dataSlot = 61

func (p Param) slot() uint {
	if p >= pgiUserData {
		return uint(p-pgiUserData) + dataSlot
	}
	return uint(p)
}

func inSlot(s int) Param {
	if s >= dataSlot {
		return pgiUserData + Param(s-dataSlot)
	}
	return Param(s)
}

// writing begins to append an SPDU whose parts of no fixed length have about room octets.
func writing(b []byte, k kind, room int) coder {
	if room > 0 {
		b = slices.Grow(b, room+fixedRoom)
	}
	return coder{kind: k, start: len(b), b: append(b, byte(kinds[k].si), 0)}
}

// fixedRoom is about what an SPDU has besides, in octets.
const fixedRoom = 64

// end puts the SPDU's own LI in and returns the octets, or the octets before it and the error.
func (c *coder) end() ([]byte, error) {
	c.order(pgiExtended)
	c.close(c.start)
	if c.err != nil {
		return c.b[:c.start], c.err
	}
	return c.b, nil
}

// order writes the enclosure item before the first unit with a larger code.
func (c *coder) order(p Param) {
	if c.enclosure.Present() && p > piEnclosure {
		c.b = append(c.b, byte(piEnclosure), 1, c.enclosure.octet())
		c.enclosure = 0
	}
}

// open begins a unit whose length is not known yet; close, given what open returned, ends it.
func (c *coder) open(p Param) (at int) {
	c.order(p)
	at = len(c.b)
	c.b = append(c.b, byte(p), 0)
	return at
}

func (c *coder) close(at int) {
	n := len(c.b) - at - 2
	switch {
	case n <= shortLI:
		c.b[at+1] = byte(n)
	case n > maxLI:
		c.fail(BadLength, 0, "%d octets exceed %d", n, maxLI)
	default:
		c.b = append(c.b, 0, 0)
		copy(c.b[at+4:], c.b[at+2:])
		c.b[at+1] = 0xff
		binary.BigEndian.PutUint16(c.b[at+2:], uint16(n))
	}
}

// reading begins to parse the SPDU at the start of b.
func reading(b []byte, k kind) (c coder) {
	c.kind, c.reading, c.spdu = k, true, b
	c.openSPDU()
	return c
}

func (c *coder) openSPDU() {
	b := c.spdu
	if len(b) == 0 {
		c.fail(Truncated, 0, "no octets")
		return
	}
	if si := kinds[c.kind].si; SI(b[0]) != si {
		c.fail(UnknownSPDU, 0, "SI %d is not %d", b[0], si)
		return
	}
	li, n := readLI(b[1:])
	if n == 0 {
		c.fail(Truncated, 0, "no LI")
		return
	}
	if n++; li > len(b)-n {
		c.fail(Truncated, 0, "LI %d exceeds the %d octets there are", li, len(b)-n)
		return
	}
	c.b, c.start, c.size = b[n:n+li], n, n+li
	c.scan()
}

// done ends the parsing: what nobody has taken does not belong there.
func (c *coder) done() (size int, err error) {
	c.leftOver()
	if c.err != nil {
		return 0, c.err
	}
	return c.size, nil
}

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

// scan finds the units of one level. It skips codes that X.225 does not define, by the rules of extensibility (x225 2.1).
func (c *coder) scan() {
	for at := 0; at < len(c.b); {
		p := Param(c.b[at])
		li, n := readLI(c.b[at+1:])
		if n == 0 {
			c.badLI(at, p, "no LI")
			return
		}
		if n++; li > len(c.b)-at-n {
			c.badLI(at, p, "LI %d exceeds the %d octets there are", li, len(c.b)-at-n)
			return
		}
		if p.known() {
			bit := uint64(1) << p.slot()
			if c.have&bit != 0 {
				c.failAt(at, Duplicate, p, "%w", errDuplicate)
				return
			}
			c.have |= bit
			c.at[p.slot()] = uint16(at)
		}
		at += n + li
	}
	c.left = c.have
}

func (c *coder) badLI(at int, p Param, format string, args ...any) {
	c.err = badLI(c.kind, p, format, args...).at(c.start+at, c.spdu)
}

// value returns where a unit's value begins and how long it is. The unit must be there.
func (c *coder) value(p Param) (at, n int) {
	at = int(c.at[p.slot()]) + 1
	li, n := readLI(c.b[at:])
	return at + n, li
}

// had tells whether there is a unit.
func (c *coder) had(p Param) bool { return c.have&(1<<p.slot()) != 0 }

// take returns the value of a unit, which may be empty. There is none after an error.
func (c *coder) take(p Param) (v []byte, ok bool) {
	bit := uint64(1) << p.slot()
	if c.err != nil || c.left&bit == 0 {
		return nil, false
	}
	c.left &^= bit
	at, n := c.value(p)
	return c.b[at : at+n : at+n], true
}

// group begins a parameter group. Units are then read from or written to g, which endGroup ends. If ok is false there is none.
func (c *coder) group(p Param) (g coder, ok bool) {
	if !c.reading {
		at := c.open(p)
		return coder{kind: c.kind, b: c.b, start: at, err: c.err}, true
	}
	v, ok := c.take(p)
	if !ok {
		return coder{}, false
	}
	at, _ := c.value(p)
	g = coder{kind: c.kind, reading: true, b: v, start: c.start + at, spdu: c.spdu}
	g.scan()
	return g, true
}

func (c *coder) endGroup(g *coder) {
	if c.reading {
		g.leftOver()
	} else {
		g.close(g.start)
		c.b = g.b
	}
	c.err = g.err
}

func (c *coder) leftOver() {
	if c.err != nil || c.left == 0 {
		return
	}
	for s := range len(c.at) {
		if c.left&(1<<s) == 0 {
			continue
		}
		why := errMisplaced
		if c.continued {
			why = errContinued
		}
		c.fail(Misplaced, inSlot(s), "%w", why)
		return
	}
}

// fail records what is wrong with the SPDU as a whole or with a unit of it. Writing, it is the user's fault.
func (c *coder) fail(code Code, p Param, format string, args ...any) {
	at := -c.start
	if p != 0 && c.had(p) {
		at = int(c.at[p.slot()])
	}
	c.failAt(at, code, p, format, args...)
}

func (c *coder) failAt(at int, code Code, p Param, format string, args ...any) {
	switch {
	case c.err != nil:
	case c.reading:
		c.err = errorf(code, c.kind, p, format, args...).at(c.start+at, c.spdu)
	default:
		c.err = appendError(c.kind.String(), p, format, args...)
	}
}
