package spdu

// AB is the ABORT SPDU. x225 2.5
type AB struct {
	Keep      bool // the transport connection is kept
	Reason    AbortReason
	Enclosure Enclosure
	Reflect   []byte // with ProtocolErrorAbort only: what of the wrong SPDU to show, at most ReflectMax octets
	UserData  []byte
}

// AppendBinary appends the SPDU.
func (p AB) AppendBinary(b []byte) ([]byte, error) {
	w := newWriter(b, "AB", siAB)
	if !p.Enclosure.continues() {
		if p.Reason&^abortReasons != 0 {
			w.fail(piDisconnect, "reason %#x", uint8(p.Reason))
		}
		w.octet(piDisconnect, disconnect(p.Keep)|byte(p.Reason))
	}
	w.enclosure(p.Enclosure)
	if !p.Enclosure.continues() {
		if len(p.Reflect) > 0 && p.Reason&ProtocolErrorAbort == 0 {
			w.fail(piReflect, "without protocol error")
		}
		w.unit(piReflect, p.Reflect, ReflectMax)
	}
	w.unit(pgiUserData, p.UserData, maxLI)
	return w.finish()
}

// ParseAB parses an AB at the start of b and returns how many octets it has.
func ParseAB(b []byte) (AB, int, error) {
	p, n, err := parseBody("AB", siAB, &abUnits, b)
	if err != nil {
		return AB{}, 0, err
	}
	if p.enclosure.continues() {
		return AB{Enclosure: p.enclosure, UserData: p.data}, n, nil
	}
	if !p.hasDisconnect {
		return AB{}, 0, fail(errorf(Missing, "AB", piDisconnect, "%w", errMissing), b)
	}
	if len(p.reflect) > 0 && p.disconnect&byte(ProtocolErrorAbort) == 0 {
		return AB{}, 0, fail(errorf(Misplaced, "AB", piReflect, "without protocol error"), b)
	}
	return AB{p.disconnect&bitReleased == 0, AbortReason(p.disconnect & abortReasons), p.enclosure, p.reflect, p.data}, n, nil
}

func (p AB) String() string {
	n := newNotation("AB")
	if !p.Enclosure.continues() {
		n.add("%s", keep(p.Keep))
		n.add("%v", p.Reason)
		n.octets("reflect", p.Reflect)
	}
	n.enclosure(p.Enclosure)
	n.data(p.UserData)
	return n.end()
}

// AA is the ABORT ACCEPT SPDU. x225 2.5
type AA struct{}

// AppendBinary appends the SPDU.
func (AA) AppendBinary(b []byte) ([]byte, error) { return append(b, byte(siAA), 0), nil }

var noUnits set

// ParseAA parses an AA at the start of b and returns how many octets it has.
func ParseAA(b []byte) (AA, int, error) {
	_, n, err := parseBody("AA", siAA, &noUnits, b)
	return AA{}, n, err
}

func (AA) String() string { return "AA()" }

// PR is the PREPARE SPDU, which goes on the expedited flow before another SPDU on the normal one. x225 3.1
type PR struct {
	Type PrepareType
}

// AppendBinary appends the SPDU.
func (p PR) AppendBinary(b []byte) ([]byte, error) {
	w := newWriter(b, "PR", siPR)
	if p.Type < PrepareMAA || p.Type > PrepareAB {
		w.fail(piPrepare, "%v", p.Type)
	}
	w.octet(piPrepare, byte(p.Type))
	return w.finish()
}

var prUnits = setOf(piPrepare)

// ParsePR parses a PR at the start of b and returns how many octets it has.
func ParsePR(b []byte) (p PR, n int, err error) {
	u := units{pdu: "PR", spdu: b, legal: &prUnits}
	if u.b, n, err = open("PR", siPR, b); err != nil {
		return PR{}, 0, err
	}
	c, v, ok, err := u.next()
	if err != nil {
		return PR{}, 0, err
	}
	if !ok {
		return PR{}, 0, u.fail(Missing, piPrepare, "%w", errMissing)
	}
	o, err := u.octet(c, v)
	if err != nil {
		return PR{}, 0, err
	}
	if p.Type = PrepareType(o); p.Type < PrepareMAA || p.Type > PrepareAB {
		return PR{}, 0, u.fail(BadValue, c, "%v", p.Type)
	}
	if _, _, _, err := u.next(); err != nil { // nothing else is legal
		return PR{}, 0, err
	}
	return p, n, nil
}

func (p PR) String() string {
	n := newNotation("PR")
	n.add("%v", p.Type)
	return n.end()
}
