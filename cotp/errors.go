package cotp

import "fmt"

// ProtocolError is what the peer did wrong. The connection is over; where Answer has something to say, that goes out first.
type ProtocolError struct {
	Framing bool   // it is in TPKT: there is no TPDU that could be answered
	Type    Type   // of the wrong TPDU
	Cause   Cause  // for ER
	Invalid []byte // the octets of the wrong TPDU up to the one that is wrong, for ER
	Text    string
	srcRef  uint16 // of a wrong CR, as far as it could be read
}

func (e *ProtocolError) Error() string {
	if e.Framing {
		return "cotp: TPKT: " + e.Text
	}
	return fmt.Sprintf("cotp: %v: %s", e.Type, e.Text)
}

// wrongPacket is an error in TPKT. Nothing can be said to who does not speak it.
func wrongPacket(format string, args ...any) error {
	return &ProtocolError{Framing: true, Text: fmt.Sprintf(format, args...)}
}

// wrong is an error at the given octet of a TPDU, which begins with its LI.
func wrong(tpdu []byte, at int, c Cause, format string, args ...any) *ProtocolError {
	e := &ProtocolError{Cause: c, Text: fmt.Sprintf(format, args...)}
	if len(tpdu) > 1 {
		e.Type = typeOf(tpdu[1])
		e.Invalid = append([]byte(nil), tpdu[:min(at+1, len(tpdu), maxInvalid)]...)
	}
	return e
}
