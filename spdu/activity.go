package spdu

// MaxActivity is the most that an activity identifier has, in octets (x225 2.8).
const MaxActivity = 6

// AS is the ACTIVITY START SPDU. x225 2.5
type AS struct {
	Activity  []byte // at most MaxActivity octets; none is an identifier too
	Enclosure Enclosure
	UserData  []byte
}

func (AS) kind() kind { return kindAS }

func (p *AS) units(c *coder) {
	if c.begins(&p.Enclosure) {
		c.activity(&p.Activity)
	}
	c.data(&p.UserData)
}

// activity is an activity identifier, which is there though it may be empty.
func (c *coder) activity(id *[]byte) {
	c.must(piActivity, c.mayBeEmpty(piActivity, id, MaxActivity))
}

// AppendBinary appends the SPDU.
func (p AS) AppendBinary(b []byte) ([]byte, error) {
	c := writing(b, kindAS, len(p.UserData))
	p.units(&c)
	return c.end()
}

// ParseAS parses an AS at the start of b and returns how many octets it has.
func ParseAS(b []byte) (p AS, n int, err error) {
	c := reading(b, kindAS)
	p.units(&c)
	n, err = c.done()
	return p, n, err
}

func (p AS) String() string {
	n := newNotation(kindAS)
	if !p.Enclosure.continues() {
		n.activity("activity", p.Activity)
	}
	return n.end(p.Enclosure, p.UserData)
}

// AR is the ACTIVITY RESUME SPDU. x225 2.5
type AR struct {
	Activity  []byte // the new identifier, at most MaxActivity octets
	Linking   Linking
	Enclosure Enclosure
	UserData  []byte
}

// Linking is the linking information (PGI 33), which says what an AR goes on with. The references are absent if the activity ran on
// the same session connection.
type Linking struct {
	Called, Calling, Common []byte // references of the session connection on which it ran, of at most 64 octets each
	Additional              []byte // at most 4 octets
	Activity                []byte // the old identifier, at most MaxActivity octets
	Serial                  uint32 // of the synchronization point from which to go on
	Second                  Serial // symmetric synchronize only
}

func (AR) kind() kind { return kindAR }

func (p *AR) units(c *coder) {
	if c.begins(&p.Enclosure) {
		g, ok := c.group(pgiLinking)
		if c.must(pgiLinking, ok); ok {
			p.Linking.units(&g)
			c.endGroup(&g)
		}
		c.activity(&p.Activity)
	}
	c.data(&p.UserData)
}

func (l *Linking) units(c *coder) {
	c.octets(piCalledRef, &l.Called, maxReference)
	c.octets(piCallingRef, &l.Calling, maxReference)
	c.octets(piCommonRef, &l.Common, maxReference)
	c.octets(piAdditionalRef, &l.Additional, maxAdditional)
	c.activity(&l.Activity)
	c.must(piSerialNumber, c.number(piSerialNumber, &l.Serial))
	c.serial(piSecondSerial, &l.Second)
}

// AppendBinary appends the SPDU.
func (p AR) AppendBinary(b []byte) ([]byte, error) {
	c := writing(b, kindAR, len(p.UserData))
	p.units(&c)
	return c.end()
}

// ParseAR parses an AR at the start of b and returns how many octets it has.
func ParseAR(b []byte) (p AR, n int, err error) {
	c := reading(b, kindAR)
	p.units(&c)
	n, err = c.done()
	return p, n, err
}

func (p AR) String() string {
	n := newNotation(kindAR)
	if !p.Enclosure.continues() {
		n.activity("activity", p.Activity)
		n.activity("old", p.Linking.Activity)
		n.add("serial=%d", p.Linking.Serial)
		n.serial("serial2", p.Linking.Second)
		n.selector("calledref", p.Linking.Called)
		n.selector("callingref", p.Linking.Calling)
		n.selector("common", p.Linking.Common)
		n.octets("additional", p.Linking.Additional)
	}
	return n.end(p.Enclosure, p.UserData)
}

// AE is the ACTIVITY END SPDU. x225 2.5
type AE struct {
	Serial    uint32
	Second    Serial // symmetric synchronize only
	Enclosure Enclosure
	UserData  []byte
}

func (AE) kind() kind { return kindAE }

// AppendBinary appends the SPDU.
func (p AE) AppendBinary(b []byte) ([]byte, error) { return major(p).append(b, kindAE) }

// ParseAE parses an AE at the start of b and returns how many octets it has.
func ParseAE(b []byte) (AE, int, error) {
	p, n, err := parseMajor(b, kindAE)
	return AE(p), n, err
}

func (p AE) String() string { return major(p).string(kindAE) }

// AI is the ACTIVITY INTERRUPT SPDU. x225 2.5
type AI struct {
	Reason    ExceptionReason
	Enclosure Enclosure // version 2 only, as are UserData
	UserData  []byte
}

func (AI) kind() kind { return kindAI }

// AppendBinary appends the SPDU.
func (p AI) AppendBinary(b []byte) ([]byte, error) { return interruption(p).append(b, kindAI) }

// ParseAI parses an AI at the start of b and returns how many octets it has.
func ParseAI(b []byte) (AI, int, error) {
	p, n, err := parseInterruption(b, kindAI)
	return AI(p), n, err
}

func (p AI) String() string { return interruption(p).string(kindAI) }

// AIA is the ACTIVITY INTERRUPT ACK SPDU. x225 2.5
type AIA struct {
	Enclosure Enclosure
	UserData  []byte
}

func (AIA) kind() kind { return kindAIA }

// AppendBinary appends the SPDU.
func (p AIA) AppendBinary(b []byte) ([]byte, error) { return plain(p).append(b, kindAIA) }

// ParseAIA parses an AIA at the start of b and returns how many octets it has.
func ParseAIA(b []byte) (AIA, int, error) {
	p, n, err := parsePlain(b, kindAIA)
	return AIA(p), n, err
}

func (p AIA) String() string { return plain(p).string(kindAIA) }

// AD is the ACTIVITY DISCARD SPDU. x225 2.5
type AD struct {
	Reason    ExceptionReason
	Enclosure Enclosure // version 2 only, as are UserData
	UserData  []byte
}

func (AD) kind() kind { return kindAD }

// AppendBinary appends the SPDU.
func (p AD) AppendBinary(b []byte) ([]byte, error) { return interruption(p).append(b, kindAD) }

// ParseAD parses an AD at the start of b and returns how many octets it has.
func ParseAD(b []byte) (AD, int, error) {
	p, n, err := parseInterruption(b, kindAD)
	return AD(p), n, err
}

func (p AD) String() string { return interruption(p).string(kindAD) }

// ADA is the ACTIVITY DISCARD ACK SPDU. x225 2.5
type ADA struct {
	Enclosure Enclosure
	UserData  []byte
}

func (ADA) kind() kind { return kindADA }

// AppendBinary appends the SPDU.
func (p ADA) AppendBinary(b []byte) ([]byte, error) { return plain(p).append(b, kindADA) }

// ParseADA parses an ADA at the start of b and returns how many octets it has.
func ParseADA(b []byte) (ADA, int, error) {
	p, n, err := parsePlain(b, kindADA)
	return ADA(p), n, err
}

func (p ADA) String() string { return plain(p).string(kindADA) }

// interruption is what AI and AD are. They say the reason always, and an absent one is none in particular.
type interruption struct {
	Reason    ExceptionReason
	Enclosure Enclosure
	UserData  []byte
}

func (p *interruption) units(c *coder) {
	if c.begins(&p.Enclosure) {
		c.reason(&p.Reason)
	}
	c.data(&p.UserData)
}

func (p interruption) append(b []byte, k kind) ([]byte, error) {
	c := writing(b, k, len(p.UserData))
	p.units(&c)
	return c.end()
}

func parseInterruption(b []byte, k kind) (p interruption, n int, err error) {
	c := reading(b, k)
	p.units(&c)
	n, err = c.done()
	return p, n, err
}

func (p interruption) string(k kind) string {
	n := newNotation(k)
	if !p.Enclosure.continues() {
		n.add("reason=%v", p.Reason)
	}
	return n.end(p.Enclosure, p.UserData)
}
