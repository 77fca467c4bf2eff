package spdu

import "fmt"

// ExceptionReason is the reason code of ED, AI and AD (PI 50).
type ExceptionReason uint8

// The reasons of an exception, an interruption and a discarding (x225 1.9). Others are not sent, but may be received.
const (
	NoSpecificReason     ExceptionReason = 0
	ReceivingJeopardized ExceptionReason = 1 // data may not be handled properly
	UserSequenceError    ExceptionReason = 3
	LocalUserError       ExceptionReason = 5
	UnrecoverableError   ExceptionReason = 6 // procedural
	DemandDataToken      ExceptionReason = 128
)

var exceptionReasons = map[ExceptionReason]string{
	NoSpecificReason: "no specific reason", ReceivingJeopardized: "receiving ability jeopardized",
	UserSequenceError: "user sequence error", LocalUserError: "local SS-user error",
	UnrecoverableError: "unrecoverable procedural error", DemandDataToken: "demand data token",
}

func (r ExceptionReason) String() string {
	if name := exceptionReasons[r]; name != "" {
		return name
	}
	return fmt.Sprintf("reason %d", uint8(r))
}

func (c *coder) reason(r *ExceptionReason) (there bool) {
	if !c.reading && exceptionReasons[*r] == "" {
		c.fail(BadValue, piReason, "%v", *r)
	}
	return octet(c, piReason, r)
}

// ER is the EXCEPTION REPORT SPDU, by the provider. x225 2.5
type ER struct {
	Reflect []byte // of the SPDU that was wrong, as many octets as its receiver likes to show
}

func (ER) kind() kind { return kindER }

func (p *ER) units(c *coder) { c.must(piReflect, c.mayBeEmpty(piReflect, &p.Reflect, maxLI)) }

// AppendBinary appends the SPDU.
func (p ER) AppendBinary(b []byte) ([]byte, error) {
	c := writing(b, kindER, len(p.Reflect))
	p.units(&c)
	return c.end()
}

// ParseER parses an ER at the start of b and returns how many octets it has.
func ParseER(b []byte) (p ER, n int, err error) {
	c := reading(b, kindER)
	p.units(&c)
	n, err = c.done()
	return p, n, err
}

func (p ER) String() string {
	n := newNotation(kindER)
	n.octets("reflect", p.Reflect)
	return n.end(0, nil)
}

// ED is the EXCEPTION DATA SPDU, by the SS-user. x225 2.5
type ED struct {
	Reason    ExceptionReason
	Enclosure Enclosure
	UserData  []byte
}

func (ED) kind() kind { return kindED }

func (p *ED) units(c *coder) {
	if c.begins(&p.Enclosure) {
		c.must(piReason, c.reason(&p.Reason))
	}
	c.data(&p.UserData)
}

// AppendBinary appends the SPDU.
func (p ED) AppendBinary(b []byte) ([]byte, error) {
	c := writing(b, kindED, len(p.UserData))
	p.units(&c)
	return c.end()
}

// ParseED parses an ED at the start of b and returns how many octets it has.
func ParseED(b []byte) (p ED, n int, err error) {
	c := reading(b, kindED)
	p.units(&c)
	n, err = c.done()
	return p, n, err
}

func (p ED) String() string {
	n := newNotation(kindED)
	if !p.Enclosure.continues() {
		n.add("reason=%v", p.Reason)
	}
	return n.end(p.Enclosure, p.UserData)
}
