package spdu

// OA is the OVERFLOW ACCEPT SPDU, which asks for the rest of a CN's user data. x225 2.5, 2.10
type OA struct {
	TSDUSize TSDUSize
	Version  Version // Version2
}

func (OA) kind() kind { return kindOA }

func (p *OA) units(c *coder) {
	c.tsduSize(&p.TSDUSize)
	c.version(&p.Version)
	if p.Version != Version2 {
		c.fail(BadValue, piVersion, "version set %#x is not version 2", uint8(p.Version))
	}
}

// AppendBinary appends the SPDU.
func (p OA) AppendBinary(b []byte) ([]byte, error) {
	c := writing(b, kindOA, 0)
	p.units(&c)
	return c.end()
}

// ParseOA parses an OA at the start of b and returns how many octets it has.
func ParseOA(b []byte) (p OA, n int, err error) {
	c := reading(b, kindOA)
	p.units(&c)
	n, err = c.done()
	return p, n, err
}

func (p OA) String() string {
	n := newNotation(kindOA)
	n.add("version=%d", uint8(p.Version))
	n.tsduSize(p.TSDUSize)
	return n.end(0, nil)
}

// CDO is the CONNECT DATA OVERFLOW SPDU. Its Enclosure is Middle, and Last in the last one: CN was the beginning.
// Its user data are in PGI 193, as others send them; a PI 22 that the standard may have meant for them is refused. x225 2.5, 2.10
type CDO struct {
	Enclosure Enclosure
	UserData  []byte
}

func (CDO) kind() kind { return kindCDO }

// AppendBinary appends the SPDU.
func (p CDO) AppendBinary(b []byte) ([]byte, error) { return plain(p).append(b, kindCDO) }

// ParseCDO parses a CDO at the start of b and returns how many octets it has.
func ParseCDO(b []byte) (CDO, int, error) {
	p, n, err := parsePlain(b, kindCDO)
	return CDO(p), n, err
}

func (p CDO) String() string { return plain(p).string(kindCDO) }
