package spdu

// AC is the ACCEPT SPDU. x225 2.5
//
// A segment that continues an AC has Enclosure and UserData alone, as in all SPDUs but DT that may be cut (x225 2.10).
type AC struct {
	ID ConnectionID
	ConnectItem
	Tokens              Tokens // tokens that the acceptor asks for
	Units               Units
	Enclosure           Enclosure
	Calling, Responding []byte // session selectors of at most 16 octets
	UserData            []byte
}

func (AC) kind() kind { return kindAC }

func (p *AC) units(c *coder) {
	if c.begins(&p.Enclosure) {
		if c.reading {
			p.Version, p.Units = Version1, DefaultUnits
		}
		c.id(&p.ID, piCalledRef)
		p.ConnectItem.units(c)
		c.tokens(&p.Tokens)
		c.requirements(&p.Units)
		c.octets(piCallingSelector, &p.Calling, maxSelector)
		c.octets(piCalledSelector, &p.Responding, maxSelector)
	}
	c.data(&p.UserData)
}

// AppendBinary appends the SPDU.
func (p AC) AppendBinary(b []byte) ([]byte, error) {
	c := writing(b, kindAC, len(p.UserData))
	p.units(&c)
	return c.end()
}

// ParseAC parses an AC at the start of b and returns how many octets it has.
func ParseAC(b []byte) (p AC, n int, err error) {
	c := reading(b, kindAC)
	p.units(&c)
	n, err = c.done()
	return p, n, err
}

func (p AC) String() string {
	n := newNotation(kindAC)
	if !p.Enclosure.continues() {
		n.id(&p.ID)
		n.connectItem(&p.ConnectItem)
		if p.Tokens != 0 {
			n.add("please=%v", p.Tokens)
		}
		n.add("FU=%v", p.Units)
		n.selector("calling", p.Calling)
		n.selector("responding", p.Responding)
	}
	return n.end(p.Enclosure, p.UserData)
}
