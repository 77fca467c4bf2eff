package spdu

// A body is what FN, DN, NF, AB, GT, PT and CDO have between them.
type body struct {
	disconnect    byte // transport disconnect; released if it was absent
	hasDisconnect bool
	tokens        Tokens
	reflect       []byte
	enclosure     Enclosure
	data          []byte
	seen          units // which parameters there were
}

var (
	cdoUnits  = setOf(piEnclosure, pgiUserData)
	dnUnits   = cdoUnits
	fnUnits   = setOf(piDisconnect, piEnclosure, pgiUserData)
	abUnits   = setOf(piDisconnect, piEnclosure, piReflect, pgiUserData)
	giveUnits = setOf(piToken, piEnclosure, pgiUserData)
)

func parseBody(pdu string, si SI, legal *set, b []byte) (p body, n int, err error) {
	u := units{pdu: pdu, spdu: b, legal: legal}
	if u.b, n, err = open(pdu, si, b); err != nil {
		return body{}, 0, err
	}
	p.disconnect = bitReleased
	for {
		c, v, ok, err := u.next()
		if err != nil {
			return body{}, 0, err
		}
		if !ok {
			break
		}
		switch c {
		case piDisconnect:
			p.disconnect, err = u.octet(c, v)
			p.hasDisconnect = true
		case piToken:
			var o byte
			o, err = u.octet(c, v)
			p.tokens = Tokens(o) & allTokens
		case piReflect:
			p.reflect, err = u.upTo(c, v, ReflectMax)
		case piEnclosure:
			p.enclosure, err = u.enclosure(v)
		case pgiUserData:
			p.data = v
		}
		if err != nil {
			return body{}, 0, err
		}
	}
	if p.enclosure.continues() {
		if err := u.only(piEnclosure, pgiUserData); err != nil {
			return body{}, 0, err
		}
	}
	p.seen = u
	return p, n, nil
}
