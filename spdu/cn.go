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

// AppendBinary appends the SPDU.
func (p CN) AppendBinary(b []byte) ([]byte, error) {
	w := newWriter(b, "CN", siCN)
	p.ID.append(&w, piCallingRef)
	p.ConnectItem.append(&w)
	w.uint16(piRequirements, uint16(p.Units))
	w.unit(piCallingSelector, p.Calling, maxSelector)
	w.unit(piCalledSelector, p.Called, maxSelector)
	if p.More {
		w.octet(piOverflow, bitOverflow)
		if len(p.UserData) != MaxConnectData {
			w.fail(pgiExtended, "length %d is not %d though more follow", len(p.UserData), MaxConnectData)
		}
	}
	if len(p.UserData) <= MaxUserDataV1 {
		w.unit(pgiUserData, p.UserData, MaxUserDataV1)
	} else {
		if p.Version != Version2 {
			w.fail(pgiExtended, "length %d exceeds %d when version 1 is proposed", len(p.UserData), MaxUserDataV1)
		}
		w.unit(pgiExtended, p.UserData, MaxConnectData)
	}
	return w.finish()
}

var cnUnits = setOf(pgiConnectionID, pgiConnectAccept, piRequirements, piCallingSelector, piCalledSelector, piOverflow,
	pgiUserData, pgiExtended)

// ParseCN parses a CN at the start of b and returns how many octets it has. Its Version is 0 if it proposes only versions
// that are not known here: such a CN is to be refused with RefusedVersions, and is no protocol error.
func ParseCN(b []byte) (p CN, n int, err error) {
	u := units{pdu: "CN", spdu: b, legal: &cnUnits}
	if u.b, n, err = open("CN", siCN, b); err != nil {
		return CN{}, 0, err
	}
	p.Units = DefaultUnits
	p.Version = Version1
	for {
		c, v, ok, err := u.next()
		if err != nil {
			return CN{}, 0, err
		}
		if !ok {
			break
		}
		var o byte
		switch c {
		case pgiConnectionID:
			err = p.ID.parse(u.group(v, &callingID))
		case pgiConnectAccept:
			err = p.ConnectItem.parse(u.group(v, &connectItem))
		case piRequirements:
			var r uint16
			r, err = u.uint16(c, v)
			p.Units = Units(r)
		case piCallingSelector:
			p.Calling, err = u.upTo(c, v, maxSelector)
		case piCalledSelector:
			p.Called, err = u.upTo(c, v, maxSelector)
		case piOverflow:
			o, err = u.octet(c, v)
			p.More = o&bitOverflow != 0
		case pgiUserData:
			p.UserData, err = u.upTo(c, v, MaxUserDataV1)
		case pgiExtended:
			if len(v) <= MaxUserDataV1 {
				err = u.fail(BadLength, c, "length %d does not exceed %d", len(v), MaxUserDataV1)
				break
			}
			p.UserData, err = u.upTo(c, v, MaxConnectData)
		}
		if err != nil {
			return CN{}, 0, err
		}
	}
	return p, n, p.check(&u)
}

// check holds the rules between parameters: PGI 193 or 194, and CDO and PGI 194 with version 2 only (x225 2.5, 2.10).
func (p *CN) check(u *units) error {
	switch {
	case u.seen.has(pgiUserData) && u.seen.has(pgiExtended):
		return u.fail(Misplaced, pgiExtended, "beside %v", pgiUserData)
	case len(p.UserData) > MaxUserDataV1 && p.Version&Version1 != 0:
		return u.fail(TooLong, pgiExtended, "length %d exceeds %d when version 1 is proposed", len(p.UserData), MaxUserDataV1)
	case p.More && len(p.UserData) != MaxConnectData:
		return u.fail(BadLength, pgiExtended, "length %d is not %d though more follow", len(p.UserData), MaxConnectData)
	}
	return nil
}

func (p CN) String() string {
	n := newNotation("CN")
	n.id(&p.ID)
	n.connectItem(&p.ConnectItem)
	n.add("FU=%v", p.Units)
	n.selector("calling", p.Calling)
	n.selector("called", p.Called)
	if p.More {
		n.add("more")
	}
	n.data(p.UserData)
	return n.end()
}
