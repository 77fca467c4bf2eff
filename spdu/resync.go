package spdu

import "fmt"

// ResyncType is the type of a resynchronization (PI 27).
type ResyncType uint8

// The types of a resynchronization (x225 2.7).
const (
	Restart ResyncType = iota
	Abandon
	Set
)

func (t ResyncType) String() string {
	switch t {
	case Restart:
		return "restart"
	case Abandon:
		return "abandon"
	case Set:
		return "set"
	}
	return fmt.Sprintf("type %d", uint8(t))
}

// RS is the RESYNCHRONIZE SPDU. Without HasTokens the tokens stay where they are. x225 2.5
type RS struct {
	Type          ResyncType
	Serial        uint32
	Tokens        TokenSetting // in terms of the session connection; CalledChooses leaves it to who receives RS
	HasTokens     bool
	SecondType    ResyncType // symmetric synchronize only, as is Second
	HasSecondType bool
	Second        Serial
	Enclosure     Enclosure
	UserData      []byte
}

func (RS) kind() kind { return kindRS }

func (p *RS) units(c *coder) {
	if c.begins(&p.Enclosure) {
		c.setting(&p.Tokens, &p.HasTokens)
		c.must(piResyncType, c.resyncType(piResyncType, &p.Type))
		c.must(piSerialNumber, c.number(piSerialNumber, &p.Serial))
		if c.reading || p.HasSecondType {
			p.HasSecondType = c.resyncType(piSecondResync, &p.SecondType)
		}
		c.serial(piSecondSerial, &p.Second)
	}
	c.data(&p.UserData)
}

func (c *coder) resyncType(p Param, t *ResyncType) (there bool) {
	there = octet(c, p, t)
	if *t > Set {
		c.fail(BadValue, p, "%v", *t)
	}
	return there
}

// setting is the token setting item of RS and RA, in which all tokens at the initiator is not the same as none.
func (c *coder) setting(s *TokenSetting, has *bool) {
	if c.reading || *has {
		*has = octet(c, piTokenSetting, s)
	}
}

// AppendBinary appends the SPDU.
func (p RS) AppendBinary(b []byte) ([]byte, error) {
	c := writing(b, kindRS, len(p.UserData))
	p.units(&c)
	return c.end()
}

// ParseRS parses an RS at the start of b and returns how many octets it has.
func ParseRS(b []byte) (p RS, n int, err error) {
	c := reading(b, kindRS)
	p.units(&c)
	n, err = c.done()
	return p, n, err
}

func (p RS) String() string {
	n := newNotation(kindRS)
	if !p.Enclosure.continues() {
		n.add("%v", p.Type)
		n.add("serial=%d", p.Serial)
		n.setting(p.Tokens, p.HasTokens)
		if p.HasSecondType {
			n.add("type2=%v", p.SecondType)
		}
		n.serial("serial2", p.Second)
	}
	return n.end(p.Enclosure, p.UserData)
}

// RA is the RESYNCHRONIZE ACK SPDU. x225 2.5
type RA struct {
	Serial    uint32
	Tokens    TokenSetting // the choices that RS left made
	HasTokens bool
	Second    Serial // symmetric synchronize only
	Enclosure Enclosure
	UserData  []byte
}

func (RA) kind() kind { return kindRA }

func (p *RA) units(c *coder) {
	if c.begins(&p.Enclosure) {
		c.setting(&p.Tokens, &p.HasTokens)
		c.must(piSerialNumber, c.number(piSerialNumber, &p.Serial))
		c.serial(piSecondSerial, &p.Second)
	}
	c.data(&p.UserData)
}

// AppendBinary appends the SPDU.
func (p RA) AppendBinary(b []byte) ([]byte, error) {
	c := writing(b, kindRA, len(p.UserData))
	p.units(&c)
	return c.end()
}

// ParseRA parses an RA at the start of b and returns how many octets it has.
func ParseRA(b []byte) (p RA, n int, err error) {
	c := reading(b, kindRA)
	p.units(&c)
	n, err = c.done()
	return p, n, err
}

func (p RA) String() string {
	n := newNotation(kindRA)
	if !p.Enclosure.continues() {
		n.add("serial=%d", p.Serial)
		n.setting(p.Tokens, p.HasTokens)
		n.serial("serial2", p.Second)
	}
	return n.end(p.Enclosure, p.UserData)
}
