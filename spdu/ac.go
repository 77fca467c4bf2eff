package spdu

import "math/bits"

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

// continues tells whether a segment goes on with an SSDU that another began.
func (e Enclosure) continues() bool { return !e.Begins() }

// AppendBinary appends the SPDU.
func (p AC) AppendBinary(b []byte) ([]byte, error) {
	w := newWriter(b, "AC", siAC)
	if !p.Enclosure.continues() {
		if bits.OnesCount8(uint8(p.Version)) != 1 {
			w.fail(piVersion, "version set %#x is not one version", uint8(p.Version))
		}
		p.ID.append(&w, piCalledRef)
		p.ConnectItem.append(&w)
		if p.Tokens != 0 {
			w.octet(piToken, byte(p.Tokens))
		}
		w.uint16(piRequirements, uint16(p.Units))
	}
	w.enclosure(p.Enclosure)
	if !p.Enclosure.continues() {
		w.unit(piCallingSelector, p.Calling, maxSelector)
		w.unit(piCalledSelector, p.Responding, maxSelector)
	}
	w.unit(pgiUserData, p.UserData, maxLI)
	return w.finish()
}

var acUnits = setOf(pgiConnectionID, pgiConnectAccept, piToken, piRequirements, piEnclosure, piCallingSelector,
	piCalledSelector, pgiUserData)

// ParseAC parses an AC at the start of b and returns how many octets it has.
func ParseAC(b []byte) (p AC, n int, err error) {
	u := units{pdu: "AC", spdu: b, legal: &acUnits}
	if u.b, n, err = open("AC", siAC, b); err != nil {
		return AC{}, 0, err
	}
	p.Units = DefaultUnits
	p.Version = Version1
	for {
		c, v, ok, err := u.next()
		if err != nil {
			return AC{}, 0, err
		}
		if !ok {
			break
		}
		var o byte
		switch c {
		case pgiConnectionID:
			err = p.ID.parse(u.group(v, &calledID))
		case pgiConnectAccept:
			err = p.ConnectItem.parse(u.group(v, &connectItem))
		case piToken:
			o, err = u.octet(c, v)
			p.Tokens = Tokens(o) & allTokens
		case piRequirements:
			var r uint16
			r, err = u.uint16(c, v)
			p.Units = Units(r)
		case piEnclosure:
			p.Enclosure, err = u.enclosure(v)
		case piCallingSelector:
			p.Calling, err = u.upTo(c, v, maxSelector)
		case piCalledSelector:
			p.Responding, err = u.upTo(c, v, maxSelector)
		case pgiUserData:
			p.UserData = v
		}
		if err != nil {
			return AC{}, 0, err
		}
	}
	if p.Enclosure.continues() {
		p = AC{Enclosure: p.Enclosure, UserData: p.UserData}
		return p, n, u.only(piEnclosure, pgiUserData)
	}
	if bits.OnesCount8(uint8(p.Version)) != 1 {
		return AC{}, 0, u.fail(BadValue, piVersion, "version set %#x is not one version", uint8(p.Version))
	}
	return p, n, nil
}

func (p AC) String() string {
	n := newNotation("AC")
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
	n.enclosure(p.Enclosure)
	n.data(p.UserData)
	return n.end()
}
