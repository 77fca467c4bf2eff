package spdu

import (
	"fmt"
	"strings"
)

// SPDU is one of this package's types.
type SPDU interface {
	// AppendBinary appends the SPDU. On an error it returns b as it was: a value of the SPDU cannot be sent.
	AppendBinary(b []byte) ([]byte, error)
	// String is the SPDU in the notation used by logs, traces and tests, as in DN(data=3). What is absent is left out.
	fmt.Stringer
}

// Serial is a serial number of at most six digits, which may be absent (x225 2.8).
type Serial struct {
	N       uint32
	Present bool
}

// TSDUSize is the TSDU maximum size in octets for each direction of the session connection; 0 is unlimited (x225 2.6).
type TSDUSize struct {
	ToResponder uint16
	ToInitiator uint16
}

// ConnectionID is the connection identifier, whose User is the calling SS-user reference in CN and the called one in AC and RF.
type ConnectionID struct {
	User       []byte // at most 64 octets
	Common     []byte // at most 64 octets
	Additional []byte // at most 4 octets
}

func (id *ConnectionID) append(w *writer, user Param) {
	if len(id.User)+len(id.Common)+len(id.Additional) == 0 {
		return
	}
	at := w.open(pgiConnectionID)
	w.unit(user, id.User, maxReference)
	w.unit(piCommonRef, id.Common, maxReference)
	w.unit(piAdditionalRef, id.Additional, maxAdditional)
	w.close(at)
}

var (
	callingID = setOf(piCallingRef, piCommonRef, piAdditionalRef)
	calledID  = setOf(piCalledRef, piCommonRef, piAdditionalRef)
)

func (id *ConnectionID) parse(u units) error {
	for {
		p, v, ok, err := u.next()
		if err != nil || !ok {
			return err
		}
		switch p {
		case piCallingRef, piCalledRef:
			id.User, err = u.upTo(p, v, maxReference)
		case piCommonRef:
			id.Common, err = u.upTo(p, v, maxReference)
		case piAdditionalRef:
			id.Additional, err = u.upTo(p, v, maxAdditional)
		}
		if err != nil {
			return err
		}
	}
}

// notation builds the String of an SPDU.
type notation struct{ strings.Builder }

func newNotation(pdu string) *notation {
	n := new(notation)
	n.WriteString(pdu)
	n.WriteByte('(')
	return n
}

func (n *notation) add(format string, args ...any) {
	if s := n.String(); s[len(s)-1] != '(' {
		n.WriteString(", ")
	}
	fmt.Fprintf(n, format, args...)
}

// octets adds octets in hexadecimal, if there are any.
func (n *notation) octets(name string, v []byte) {
	if len(v) > 0 {
		n.add("%s=%x", name, v)
	}
}

// selector adds a selector or reference, quoted when it is text.
func (n *notation) selector(name string, v []byte) {
	for _, c := range v {
		if c < ' ' || c > '~' {
			n.octets(name, v)
			return
		}
	}
	if len(v) > 0 {
		n.add("%s=%q", name, v)
	}
}

// data adds the length of user data; the octets are the user's affair.
func (n *notation) data(v []byte) {
	if len(v) > 0 {
		n.add("data=%d", len(v))
	}
}

func (n *notation) enclosure(e Enclosure) {
	if e.Present() {
		n.add("enclosure=%v", e)
	}
}

func (n *notation) id(id *ConnectionID) {
	n.selector("ref", id.User)
	n.selector("common", id.Common)
	n.octets("additional", id.Additional)
}

func (n *notation) end() string {
	n.WriteByte(')')
	return n.String()
}
