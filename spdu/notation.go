package spdu

import (
	"fmt"
	"strings"
)

// notation builds the String of an SPDU.
type notation struct{ strings.Builder }

func newNotation(k kind) *notation {
	n := new(notation)
	n.WriteString(k.String())
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

// activity adds an activity identifier, which may be empty.
func (n *notation) activity(name string, v []byte) {
	if len(v) == 0 {
		n.add("%s=%q", name, v)
	}
	n.selector(name, v)
}

func (n *notation) serial(name string, s Serial) {
	if s.Present {
		n.add("%s=%d", name, s.N)
	}
}

func (n *notation) setting(s TokenSetting, has bool) {
	if has {
		n.add("tokens=%v", s)
	}
}

func (n *notation) tsduSize(s TSDUSize) {
	if s != (TSDUSize{}) {
		n.add("TSDU=%d/%d", s.ToResponder, s.ToInitiator)
	}
}

func (n *notation) id(id *ConnectionID) {
	n.selector("ref", id.User)
	n.selector("common", id.Common)
	n.octets("additional", id.Additional)
}

// end adds the enclosure item and the length of the user data, whose octets are the user's affair.
func (n *notation) end(e Enclosure, data []byte) string {
	if e.Present() {
		n.add("enclosure=%v", e)
	}
	if len(data) > 0 {
		n.add("data=%d", len(data))
	}
	n.WriteByte(')')
	return n.String()
}
