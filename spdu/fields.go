package spdu

import (
	"encoding/binary"
	"strconv"
)

// must says that a unit is mandatory.
func (c *coder) must(p Param, there bool) {
	if !there {
		c.fail(Missing, p, "%w", errMissing)
	}
}

// fixed returns the value of a unit of n octets. An empty one counts as absent (x225 2.1).
func (c *coder) fixed(p Param, n int) (v []byte, ok bool) {
	v, ok = c.take(p)
	if !ok || len(v) == 0 {
		return nil, false
	}
	if len(v) != n {
		c.fail(BadLength, p, "length %d is not %d", len(v), n)
		return nil, false
	}
	return v, true
}

// octet is a unit of one octet.
func octet[T ~uint8](c *coder, p Param, v *T) (there bool) {
	if c.reading {
		o, ok := c.fixed(p, 1)
		if ok {
			*v = T(o[0])
		}
		return ok
	}
	c.order(p)
	c.b = append(c.b, byte(p), 1, byte(*v))
	return true
}

// optional is a unit of one octet that is not sent if it is 0, which is what its absence means.
func optional[T ~uint8](c *coder, p Param, v *T) {
	if c.reading || *v != 0 {
		octet(c, p, v)
	}
}

// bit is the lowest bit of a unit, which is not sent if it is 0.
func (c *coder) bit(p Param, v *bool) {
	var o byte
	if *v {
		o = 1
	}
	optional(c, p, &o)
	*v = o&1 != 0
}

// requirements is the session user requirements.
func (c *coder) requirements(v *Units) (there bool) {
	if c.reading {
		o, ok := c.fixed(piRequirements, 2)
		if ok {
			*v = Units(binary.BigEndian.Uint16(o))
		}
		return ok
	}
	c.order(piRequirements)
	c.b = append(c.b, byte(piRequirements), 2, byte(*v>>8), byte(*v))
	return true
}

// octets is a unit of at most max octets, which is not sent if it is empty: absent and empty are the same (x225 2.1).
func (c *coder) octets(p Param, v *[]byte, max int) {
	if c.reading || len(*v) > 0 {
		c.mayBeEmpty(p, v, max)
	}
}

// mayBeEmpty is a unit of at most max octets, which is sent if it is empty too.
func (c *coder) mayBeEmpty(p Param, v *[]byte, max int) (there bool) {
	o := *v
	if c.reading {
		if o, there = c.take(p); !there {
			return false
		}
	}
	if len(o) > max {
		c.fail(BadLength, p, "length %d exceeds %d", len(o), max)
		return true
	}
	if !c.reading {
		at := c.open(p)
		c.b = append(c.b, o...)
		c.close(at)
	} else if len(o) > 0 {
		*v = o
	}
	return true
}

func (c *coder) data(v *[]byte) { c.octets(kinds[c.kind].data, v, maxLI) }

// begins is the enclosure item. It tells whether the SPDU is a whole one or a first segment, which alone have the other parameters
// (x225 2.10).
func (c *coder) begins(e *Enclosure) bool {
	if c.reading {
		if v, ok := c.fixed(piEnclosure, 1); ok {
			*e = Middle | Enclosure(v[0]&3)
		}
	} else if *e > Only || *e != 0 && *e < Middle {
		c.fail(BadValue, piEnclosure, "%v", *e)
	} else {
		c.enclosure = *e
	}
	c.continued = e.continues()
	return !c.continued
}

func (c *coder) tsduSize(s *TSDUSize) {
	if c.reading {
		if v, ok := c.fixed(piTSDUSize, 4); ok {
			*s = TSDUSize{binary.BigEndian.Uint16(v), binary.BigEndian.Uint16(v[2:])}
		}
	} else if *s != (TSDUSize{}) {
		c.order(piTSDUSize)
		c.b = append(c.b, byte(piTSDUSize), 4)
		c.b = binary.BigEndian.AppendUint16(c.b, s.ToResponder)
		c.b = binary.BigEndian.AppendUint16(c.b, s.ToInitiator)
	}
}

// version is the version number, whose other bits are "reserved, ignored on receipt" (x225 2.7).
func (c *coder) version(v *Version) {
	if octet(c, piVersion, v); c.reading {
		*v &= versions
	}
}

// tokens is the token item, which is not sent if there are none.
func (c *coder) tokens(t *Tokens) {
	if c.reading {
		octet(c, piToken, t)
		*t &= allTokens
		return
	}
	if *t&^allTokens != 0 {
		c.fail(BadValue, piToken, "set %#x", uint8(*t))
	}
	optional(c, piToken, t)
}

// disconnect is what the transport disconnect item says in FN and RF; absent it means released (x225 2.7).
func (c *coder) disconnect(keep *bool) {
	v := disconnect(*keep)
	octet(c, piDisconnect, &v)
	*keep = v&bitReleased == 0
}

func disconnect(keep bool) byte {
	if keep {
		return 0
	}
	return bitReleased
}

// number is a serial number: decimal digits, the most significant first (x225 2.8).
func (c *coder) number(p Param, v *uint32) (there bool) {
	if !c.reading {
		if *v > maxSerial {
			c.fail(BadValue, p, "%d exceeds %d", *v, maxSerial)
		}
		at := c.open(p)
		c.b = strconv.AppendUint(c.b, uint64(*v), 10)
		c.close(at)
		return true
	}
	o, ok := c.take(p)
	if !ok || len(o) == 0 {
		return false
	}
	if len(o) > maxSerialDigits {
		c.fail(BadLength, p, "length %d exceeds %d", len(o), maxSerialDigits)
		return true
	}
	n := uint32(0)
	for _, d := range o {
		if d < '0' || d > '9' {
			c.fail(BadValue, p, "octet %#02x is not a digit", d)
			return true
		}
		n = n*10 + uint32(d-'0')
	}
	*v = n
	return true
}

// serial is a serial number that may be absent.
func (c *coder) serial(p Param, s *Serial) {
	if c.reading || s.Present {
		s.Present = c.number(p, &s.N)
	}
}

// id is the connection identifier; user is the PI of the reference that depends on who sends it.
func (c *coder) id(id *ConnectionID, user Param) {
	if !c.reading && len(id.User)+len(id.Common)+len(id.Additional) == 0 {
		return
	}
	g, ok := c.group(pgiConnectionID)
	if !ok {
		return
	}
	g.octets(user, &id.User, maxReference)
	g.octets(piCommonRef, &id.Common, maxReference)
	g.octets(piAdditionalRef, &id.Additional, maxAdditional)
	c.endGroup(&g)
}
