package spdu

// FN is the FINISH SPDU. x225 2.5
type FN struct {
	Keep      bool // the transport connection is kept
	Enclosure Enclosure
	UserData  []byte
}

func (FN) kind() kind { return kindFN }

func (p *FN) units(c *coder) {
	if c.begins(&p.Enclosure) {
		c.disconnect(&p.Keep)
	}
	c.data(&p.UserData)
}

// AppendBinary appends the SPDU.
func (p FN) AppendBinary(b []byte) ([]byte, error) {
	c := writing(b, kindFN, len(p.UserData))
	p.units(&c)
	return c.end()
}

// ParseFN parses an FN at the start of b and returns how many octets it has. An absent PI 17 means released (x225 2.7).
func ParseFN(b []byte) (p FN, n int, err error) {
	c := reading(b, kindFN)
	p.units(&c)
	n, err = c.done()
	return p, n, err
}

func (p FN) String() string {
	n := newNotation(kindFN)
	if !p.Enclosure.continues() {
		n.add("%s", keep(p.Keep))
	}
	return n.end(p.Enclosure, p.UserData)
}

// DN is the DISCONNECT SPDU. x225 2.5
type DN struct {
	Enclosure Enclosure
	UserData  []byte
}

func (DN) kind() kind { return kindDN }

// AppendBinary appends the SPDU.
func (p DN) AppendBinary(b []byte) ([]byte, error) { return plain(p).append(b, kindDN) }

// ParseDN parses a DN at the start of b and returns how many octets it has.
func ParseDN(b []byte) (DN, int, error) {
	p, n, err := parsePlain(b, kindDN)
	return DN(p), n, err
}

func (p DN) String() string { return plain(p).string(kindDN) }

// NF is the NOT FINISHED SPDU. x225 2.5
type NF struct {
	Enclosure Enclosure
	UserData  []byte
}

func (NF) kind() kind { return kindNF }

// AppendBinary appends the SPDU.
func (p NF) AppendBinary(b []byte) ([]byte, error) { return plain(p).append(b, kindNF) }

// ParseNF parses an NF at the start of b and returns how many octets it has.
func ParseNF(b []byte) (NF, int, error) {
	p, n, err := parsePlain(b, kindNF)
	return NF(p), n, err
}

func (p NF) String() string { return plain(p).string(kindNF) }
