package spdu

// Limits of user data in CN, in octets (x225 2.10).
const (
	MaxUserDataV1  = 512   // of an SPDU of version 1, and of CN in PGI 193
	MaxConnectData = 10240 // of CN in PGI 194; what is beyond goes into CDO
	MaxAbortDataV1 = 9
	MaxAbortData   = 10240
)

// CN is the CONNECT SPDU. X.225 8.3.1, x225 2.5
type CN struct {
	ID ConnectionID
	ConnectItem
	Units           Units
	Calling, Called []byte // session selectors of at most 16 octets
	More            bool   // UserData are the first 10240 octets; CDO brings the others
	UserData        []byte // at most 10240 octets; more than 512 with version 2 alone
}

func (CN) kind() kind { return kindCN }

func (p *CN) units(c *coder) {
	if c.reading {
		p.Version, p.Units = Version1, DefaultUnits
	}
	c.id(&p.ID, piCallingRef)
	p.ConnectItem.units(c)
	c.requirements(&p.Units)
	c.octets(piCallingSelector, &p.Calling, maxSelector)
	c.octets(piCalledSelector, &p.Called, maxSelector)
	c.bit(piOverflow, &p.More)
	p.data(c)
}

// data is PGI 193 up to 512 octets and PGI 194 from there on; more than that, and CDO, with version 2 only (x225 2.5, 2.10).
func (p *CN) data(c *coder) {
	if c.reading {
		c.octets(pgiUserData, &p.UserData, MaxUserDataV1)
		if long := []byte(nil); c.mayBeEmpty(pgiExtended, &long, MaxConnectData) {
			switch {
			case c.had(pgiUserData):
				c.fail(Misplaced, pgiExtended, "beside %v", pgiUserData)
			case len(long) > 0 && len(long) <= MaxUserDataV1:
				c.fail(BadLength, pgiExtended, "length %d does not exceed %d", len(long), MaxUserDataV1)
			}
			p.UserData = long
		}
	}
	switch n := len(p.UserData); {
	case p.More && n != MaxConnectData:
		c.fail(BadLength, pgiExtended, "length %d is not %d though more follow", n, MaxConnectData)
	case n > MaxUserDataV1 && p.Version&Version1 != 0:
		c.fail(TooLong, pgiExtended, "length %d exceeds %d when version 1 is proposed", n, MaxUserDataV1)
	}
	switch {
	case c.reading:
	case len(p.UserData) <= MaxUserDataV1:
		c.octets(pgiUserData, &p.UserData, MaxUserDataV1)
	default:
		c.octets(pgiExtended, &p.UserData, MaxConnectData)
	}
}

// AppendBinary appends the SPDU.
func (p CN) AppendBinary(b []byte) ([]byte, error) {
	c := writing(b, kindCN, len(p.UserData))
	p.units(&c)
	return c.end()
}

// ParseCN parses a CN at the start of b and returns how many octets it has. Its Version is 0 if it proposes only versions
// that are not known here: such a CN is to be refused with RefusedVersions, and is no protocol error.
func ParseCN(b []byte) (p CN, n int, err error) {
	c := reading(b, kindCN)
	p.units(&c)
	n, err = c.done()
	return p, n, err
}

func (p CN) String() string {
	n := newNotation(kindCN)
	n.id(&p.ID)
	n.connectItem(&p.ConnectItem)
	n.add("FU=%v", p.Units)
	n.selector("calling", p.Calling)
	n.selector("called", p.Called)
	if p.More {
		n.add("more")
	}
	return n.end(0, p.UserData)
}
