package spdu

// GT is the GIVE TOKENS SPDU. With no token it is only the head of a concatenation. x225 2.5, 3.2
type GT struct {
	Tokens    Tokens
	Enclosure Enclosure // version 2 only, as are UserData
	UserData  []byte
}

// AppendBinary appends the SPDU.
func (p GT) AppendBinary(b []byte) ([]byte, error) {
	return appendTokens(b, "GT", siGT, p.Tokens, p.Enclosure, p.UserData)
}

// ParseGT parses a GT at the start of b and returns how many octets it has.
func ParseGT(b []byte) (GT, int, error) {
	if header(b, siGT) {
		return GT{}, 2, nil
	}
	p, n, err := parseBody("GT", siGT, &giveUnits, b)
	return GT{p.tokens, p.enclosure, p.data}, n, err
}

func (p GT) String() string { return tokensString("GT", p.Tokens, p.Enclosure, p.UserData) }

// PT is the PLEASE TOKENS SPDU. With no token it is only the head of a concatenation. x225 2.5, 3.2
type PT struct {
	Tokens    Tokens
	Enclosure Enclosure // version 2 only
	UserData  []byte
}

// AppendBinary appends the SPDU.
func (p PT) AppendBinary(b []byte) ([]byte, error) {
	return appendTokens(b, "PT", siPT, p.Tokens, p.Enclosure, p.UserData)
}

// ParsePT parses a PT at the start of b and returns how many octets it has.
func ParsePT(b []byte) (PT, int, error) {
	if header(b, siPT) {
		return PT{}, 2, nil
	}
	p, n, err := parseBody("PT", siPT, &giveUnits, b)
	return PT{p.tokens, p.enclosure, p.data}, n, err
}

func (p PT) String() string { return tokensString("PT", p.Tokens, p.Enclosure, p.UserData) }

func header(b []byte, si SI) bool { return len(b) >= 2 && b[0] == byte(si) && b[1] == 0 }

func appendTokens(b []byte, pdu string, si SI, t Tokens, e Enclosure, data []byte) ([]byte, error) {
	w := newWriter(b, pdu, si)
	if t&^allTokens != 0 {
		w.fail(piToken, "set %#x", uint8(t))
	}
	if t != 0 && !e.continues() {
		w.octet(piToken, byte(t))
	}
	w.enclosure(e)
	w.unit(pgiUserData, data, maxLI)
	return w.finish()
}

func tokensString(pdu string, t Tokens, e Enclosure, data []byte) string {
	n := newNotation(pdu)
	if t != 0 {
		n.add("tokens=%v", t)
	}
	n.enclosure(e)
	n.data(data)
	return n.end()
}
