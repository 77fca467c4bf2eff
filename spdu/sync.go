package spdu

import "fmt"

// SyncType is what a MIP asks for. In a MIP alone it is a matter of choice: a major synchronization point is always confirmed.
type SyncType uint8

// The types of a minor synchronization point (x225 1.2, 2.7).
const (
	Explicit SyncType = iota // to be confirmed, at the acceptor's time
	Optional                 // may be confirmed
)

func (t SyncType) String() string {
	switch t {
	case Explicit:
		return "explicit"
	case Optional:
		return "optional"
	}
	return fmt.Sprintf("type %d", uint8(t))
}

// MIP is the MINOR SYNC POINT SPDU. x225 2.5
type MIP struct {
	Type           SyncType
	DataSeparation bool // bit 2 of PI 15: no other implementation was seen to have it
	Serial         uint32
	Enclosure      Enclosure
	UserData       []byte
}

func (MIP) kind() kind { return kindMIP }

func (p *MIP) units(c *coder) {
	if c.begins(&p.Enclosure) {
		c.syncType(&p.Type, &p.DataSeparation)
		c.must(piSerialNumber, c.number(piSerialNumber, &p.Serial))
	}
	c.data(&p.UserData)
}

// syncType is the sync type item of a MIP, which is not sent if it is 0. Its other bits are ignored.
func (c *coder) syncType(t *SyncType, separation *bool) {
	if *t > Optional {
		c.fail(BadValue, piSyncType, "%v", *t)
	}
	o := byte(*t)
	if *separation {
		o |= bitSeparation
	}
	optional(c, piSyncType, &o)
	*t, *separation = SyncType(o&bitOptional), o&bitSeparation != 0
}

// AppendBinary appends the SPDU.
func (p MIP) AppendBinary(b []byte) ([]byte, error) {
	c := writing(b, kindMIP, len(p.UserData))
	p.units(&c)
	return c.end()
}

// ParseMIP parses a MIP at the start of b and returns how many octets it has.
func ParseMIP(b []byte) (p MIP, n int, err error) {
	c := reading(b, kindMIP)
	p.units(&c)
	n, err = c.done()
	return p, n, err
}

func (p MIP) String() string {
	n := newNotation(kindMIP)
	if !p.Enclosure.continues() {
		n.add("%v", p.Type)
		if p.DataSeparation {
			n.add("separation")
		}
		n.add("serial=%d", p.Serial)
	}
	return n.end(p.Enclosure, p.UserData)
}

// MIA is the MINOR SYNC ACK SPDU, whose user data are in PI 46. x225 2.5
type MIA struct {
	Serial    uint32
	Enclosure Enclosure
	UserData  []byte
}

func (MIA) kind() kind { return kindMIA }

func (p *MIA) units(c *coder) {
	if c.begins(&p.Enclosure) {
		c.must(piSerialNumber, c.number(piSerialNumber, &p.Serial))
	}
	c.data(&p.UserData)
}

// AppendBinary appends the SPDU.
func (p MIA) AppendBinary(b []byte) ([]byte, error) {
	c := writing(b, kindMIA, len(p.UserData))
	p.units(&c)
	return c.end()
}

// ParseMIA parses a MIA at the start of b and returns how many octets it has.
func ParseMIA(b []byte) (p MIA, n int, err error) {
	c := reading(b, kindMIA)
	p.units(&c)
	n, err = c.done()
	return p, n, err
}

func (p MIA) String() string {
	n := newNotation(kindMIA)
	if !p.Enclosure.continues() {
		n.add("serial=%d", p.Serial)
	}
	return n.end(p.Enclosure, p.UserData)
}

// MAP is the MAJOR SYNC POINT SPDU. The sync type item tells it from AE, which has the same SI; a segment that goes on with an
// SSDU has none, so that [Parse] takes one of an AE for a MAP and [Assembly] puts that right. x225 2.2, 2.5
type MAP struct {
	Serial    uint32
	Second    Serial // symmetric synchronize only
	Enclosure Enclosure
	UserData  []byte
}

func (MAP) kind() kind { return kindMAP }

// AppendBinary appends the SPDU.
func (p MAP) AppendBinary(b []byte) ([]byte, error) { return major(p).append(b, kindMAP) }

// ParseMAP parses a MAP at the start of b and returns how many octets it has.
func ParseMAP(b []byte) (MAP, int, error) {
	p, n, err := parseMajor(b, kindMAP)
	return MAP(p), n, err
}

func (p MAP) String() string { return major(p).string(kindMAP) }

// MAA is the MAJOR SYNC ACK SPDU and also the ACTIVITY END ACK: what is outstanding tells which. x225 2.2, 2.5
type MAA struct {
	Serial    uint32
	Second    Serial // symmetric synchronize only
	Enclosure Enclosure
	UserData  []byte
}

func (MAA) kind() kind { return kindMAA }

// AppendBinary appends the SPDU.
func (p MAA) AppendBinary(b []byte) ([]byte, error) { return major(p).append(b, kindMAA) }

// ParseMAA parses an MAA at the start of b and returns how many octets it has.
func ParseMAA(b []byte) (MAA, int, error) {
	p, n, err := parseMajor(b, kindMAA)
	return MAA(p), n, err
}

func (p MAA) String() string { return major(p).string(kindMAA) }

// major is what MAP, AE and MAA are.
type major struct {
	Serial    uint32
	Second    Serial // symmetric synchronize only
	Enclosure Enclosure
	UserData  []byte
}

func (p *major) units(c *coder) {
	if c.begins(&p.Enclosure) {
		c.activityEnd()
		c.must(piSerialNumber, c.number(piSerialNumber, &p.Serial))
		c.serial(piSecondSerial, &p.Second)
	}
	c.data(&p.UserData)
}

// activityEnd is the sync type item that tells MAP from AE: in AE it is absent, or its bit is 0 (x225 2.2).
func (c *coder) activityEnd() {
	o := byte(bitGoesOn)
	switch {
	case c.kind == kindMAP:
		if !octet(c, piSyncType, &o) || o&bitGoesOn == 0 {
			c.fail(BadValue, piSyncType, "an activity ends: AE")
		}
	case c.kind == kindAE && c.reading:
		if octet(c, piSyncType, &o) && o&bitGoesOn != 0 {
			c.fail(BadValue, piSyncType, "no activity ends: MAP")
		}
	}
}

// isAE tells whether the SPDU at the start of b, which has the SI of both, is AE and not MAP.
func isAE(b []byte) bool {
	c := reading(b, kindAE)
	var e Enclosure
	if !c.begins(&e) {
		return false
	}
	var o byte
	octet(&c, piSyncType, &o)
	return c.err == nil && o&bitGoesOn == 0
}

func (p major) append(b []byte, k kind) ([]byte, error) {
	c := writing(b, k, len(p.UserData))
	p.units(&c)
	return c.end()
}

func parseMajor(b []byte, k kind) (p major, n int, err error) {
	c := reading(b, k)
	p.units(&c)
	n, err = c.done()
	return p, n, err
}

func (p major) string(k kind) string {
	n := newNotation(k)
	if !p.Enclosure.continues() {
		n.add("serial=%d", p.Serial)
		n.serial("serial2", p.Second)
	}
	return n.end(p.Enclosure, p.UserData)
}
