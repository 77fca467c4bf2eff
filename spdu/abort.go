package spdu

// AB is the ABORT SPDU. x225 2.5
type AB struct {
	Keep      bool // the transport connection is kept
	Reason    AbortReason
	Enclosure Enclosure
	Reflect   []byte // with ProtocolErrorAbort only: what of the wrong SPDU to show, at most ReflectMax octets
	UserData  []byte
}

func (AB) kind() kind { return kindAB }

func (p *AB) units(c *coder) {
	if c.begins(&p.Enclosure) {
		if p.Reason&^abortReasons != 0 {
			c.fail(BadValue, piDisconnect, "reason %#x", uint8(p.Reason))
		}
		v := disconnect(p.Keep) | byte(p.Reason)
		c.must(piDisconnect, octet(c, piDisconnect, &v))
		p.Keep, p.Reason = v&bitReleased == 0, AbortReason(v&abortReasons)
		c.octets(piReflect, &p.Reflect, ReflectMax)
		if len(p.Reflect) > 0 && p.Reason&ProtocolErrorAbort == 0 {
			c.fail(Misplaced, piReflect, "without protocol error")
		}
	}
	c.data(&p.UserData)
}

// AppendBinary appends the SPDU.
func (p AB) AppendBinary(b []byte) ([]byte, error) {
	c := writing(b, kindAB, len(p.UserData))
	p.units(&c)
	return c.end()
}

// ParseAB parses an AB at the start of b and returns how many octets it has. PI 17 is mandatory, as others have it (x225 2.5).
func ParseAB(b []byte) (p AB, n int, err error) {
	c := reading(b, kindAB)
	p.units(&c)
	n, err = c.done()
	return p, n, err
}

func (p AB) String() string {
	n := newNotation(kindAB)
	if !p.Enclosure.continues() {
		n.add("%s", keep(p.Keep))
		n.add("%v", p.Reason)
		n.octets("reflect", p.Reflect)
	}
	return n.end(p.Enclosure, p.UserData)
}

// AA is the ABORT ACCEPT SPDU. x225 2.5
type AA struct{}

func (AA) kind() kind { return kindAA }

// AppendBinary appends the SPDU.
func (AA) AppendBinary(b []byte) ([]byte, error) { return append(b, byte(siAA), 0), nil }

// ParseAA parses an AA at the start of b and returns how many octets it has.
func ParseAA(b []byte) (AA, int, error) {
	c := reading(b, kindAA)
	n, err := c.done()
	return AA{}, n, err
}

func (AA) String() string { return "AA()" }

// PR is the PREPARE SPDU, which goes on the expedited flow before another SPDU on the normal one. x225 3.1
type PR struct {
	Type PrepareType
}

func (PR) kind() kind { return kindPR }

func (p *PR) units(c *coder) {
	c.must(piPrepare, octet(c, piPrepare, &p.Type))
	if p.Type < PrepareMAA || p.Type > PrepareAB {
		c.fail(BadValue, piPrepare, "%v", p.Type)
	}
}

// AppendBinary appends the SPDU.
func (p PR) AppendBinary(b []byte) ([]byte, error) {
	c := writing(b, kindPR, 0)
	p.units(&c)
	return c.end()
}

// ParsePR parses a PR at the start of b and returns how many octets it has.
func ParsePR(b []byte) (p PR, n int, err error) {
	c := reading(b, kindPR)
	p.units(&c)
	n, err = c.done()
	return p, n, err
}

func (p PR) String() string {
	n := newNotation(kindPR)
	n.add("%v", p.Type)
	return n.end(0, nil)
}
