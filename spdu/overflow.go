package spdu

// OA is the OVERFLOW ACCEPT SPDU, which asks for the rest of a CN's user data. x225 2.5, 2.10
type OA struct {
	TSDUSize TSDUSize
	Version  Version // Version2
}

// AppendBinary appends the SPDU.
func (p OA) AppendBinary(b []byte) ([]byte, error) {
	w := newWriter(b, "OA", siOA)
	w.tsduSize(p.TSDUSize)
	if p.Version != Version2 {
		w.fail(piVersion, "version set %#x is not version 2", uint8(p.Version))
	}
	w.octet(piVersion, byte(p.Version))
	return w.finish()
}

var oaUnits = setOf(piTSDUSize, piVersion)

// ParseOA parses an OA at the start of b and returns how many octets it has.
func ParseOA(b []byte) (p OA, n int, err error) {
	u := units{pdu: "OA", spdu: b, legal: &oaUnits}
	if u.b, n, err = open("OA", siOA, b); err != nil {
		return OA{}, 0, err
	}
	for {
		c, v, ok, err := u.next()
		if err != nil {
			return OA{}, 0, err
		}
		if !ok {
			break
		}
		switch c {
		case piTSDUSize:
			p.TSDUSize, err = u.tsduSize(v)
		case piVersion:
			var o byte
			o, err = u.octet(c, v)
			p.Version = Version(o) & versions
		}
		if err != nil {
			return OA{}, 0, err
		}
	}
	if p.Version != Version2 {
		return OA{}, 0, u.fail(BadValue, piVersion, "version set %#x is not version 2", uint8(p.Version))
	}
	return p, n, nil
}

func (p OA) String() string {
	n := newNotation("OA")
	n.add("version=%d", uint8(p.Version))
	if p.TSDUSize != (TSDUSize{}) {
		n.add("TSDU=%d/%d", p.TSDUSize.ToResponder, p.TSDUSize.ToInitiator)
	}
	return n.end()
}

// CDO is the CONNECT DATA OVERFLOW SPDU. Its Enclosure is Middle, and Last in the last one: CN was the beginning. x225 2.10
type CDO struct {
	Enclosure Enclosure
	UserData  []byte
}

// AppendBinary appends the SPDU.
func (p CDO) AppendBinary(b []byte) ([]byte, error) {
	w := newWriter(b, "CDO", siCDO)
	if p.Enclosure != Middle && p.Enclosure != Last {
		w.fail(piEnclosure, "%v", p.Enclosure)
	}
	w.enclosure(p.Enclosure)
	w.unit(pgiUserData, p.UserData, maxLI)
	return w.finish()
}

// ParseCDO parses a CDO at the start of b and returns how many octets it has.
func ParseCDO(b []byte) (CDO, int, error) {
	p, n, err := parseBody("CDO", siCDO, &cdoUnits, b)
	if err != nil {
		return CDO{}, 0, err
	}
	if p.enclosure != Middle && p.enclosure != Last {
		return CDO{}, 0, fail(errorf(BadValue, "CDO", piEnclosure, "%v", p.enclosure), b)
	}
	return CDO{p.enclosure, p.data}, n, nil
}

func (p CDO) String() string {
	n := newNotation("CDO")
	n.enclosure(p.Enclosure)
	n.data(p.UserData)
	return n.end()
}
