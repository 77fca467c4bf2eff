package spdu

// GT is the GIVE TOKENS SPDU. With no token it is only the head of a concatenation. x225 2.5, 3.2
type GT struct {
	Tokens    Tokens
	Enclosure Enclosure // version 2 only, as are UserData
	UserData  []byte
}

func (GT) kind() kind { return kindGT }

// AppendBinary appends the SPDU.
func (p GT) AppendBinary(b []byte) ([]byte, error) { return tokenSPDU(p).append(b, kindGT) }

// ParseGT parses a GT at the start of b and returns how many octets it has.
func ParseGT(b []byte) (GT, int, error) {
	p, n, err := parseTokens(b, kindGT)
	return GT(p), n, err
}

func (p GT) String() string { return tokenSPDU(p).string(kindGT) }

// PT is the PLEASE TOKENS SPDU. With no token it is only the head of a concatenation. x225 2.5, 3.2
type PT struct {
	Tokens    Tokens
	Enclosure Enclosure // version 2 only
	UserData  []byte
}

func (PT) kind() kind { return kindPT }

// AppendBinary appends the SPDU.
func (p PT) AppendBinary(b []byte) ([]byte, error) { return tokenSPDU(p).append(b, kindPT) }

// ParsePT parses a PT at the start of b and returns how many octets it has.
func ParsePT(b []byte) (PT, int, error) {
	p, n, err := parseTokens(b, kindPT)
	return PT(p), n, err
}

func (p PT) String() string { return tokenSPDU(p).string(kindPT) }

// tokenSPDU is what GT and PT are.
type tokenSPDU struct {
	Tokens    Tokens
	Enclosure Enclosure
	UserData  []byte
}

func (p *tokenSPDU) units(c *coder) {
	if c.begins(&p.Enclosure) {
		c.tokens(&p.Tokens)
	}
	c.data(&p.UserData)
}

func (p tokenSPDU) append(b []byte, k kind) ([]byte, error) {
	c := writing(b, k, len(p.UserData))
	p.units(&c)
	return c.end()
}

func parseTokens(b []byte, k kind) (p tokenSPDU, n int, err error) {
	if header(b, kinds[k].si) {
		return p, 2, nil
	}
	c := reading(b, k)
	p.units(&c)
	n, err = c.done()
	return p, n, err
}

func header(b []byte, si SI) bool { return len(b) >= 2 && b[0] == byte(si) && b[1] == 0 }

func (p tokenSPDU) string(k kind) string {
	n := newNotation(k)
	if p.Tokens != 0 {
		n.add("tokens=%v", p.Tokens)
	}
	return n.end(p.Enclosure, p.UserData)
}
