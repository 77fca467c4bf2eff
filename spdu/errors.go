package spdu

import (
	"errors"
	"fmt"
)

// Code is the kind of a protocol error.
type Code uint8

// The kinds of protocol errors.
const (
	Truncated    Code = 1 + iota // the octets end before the SPDU does
	BadLength                    // a length that the parameter cannot have, or that exceeds what contains it
	BadValue                     // a value that the parameter cannot have
	Misplaced                    // a parameter of X.225 that this SPDU has not
	Duplicate                    // a parameter twice
	Missing                      // a mandatory parameter is absent
	UnknownSPDU                  // an SI that X.225 does not define, or not at this place of a TSDU
	NotSupported                 // an SPDU of a functional unit that is not here
	TooLong                      // user data beyond the limit of the protocol version
)

var codeNames = [...]string{"", "truncated", "bad length", "bad value", "misplaced", "duplicate", "missing", "unknown SPDU", "not supported", "too long"}

func (c Code) String() string {
	if int(c) < len(codeNames) && c != 0 {
		return codeNames[c]
	}
	return fmt.Sprintf("code %d", uint8(c))
}

// ReflectMax is the most of a wrong SPDU that an AB reflects, in octets (x225 2.4).
const ReflectMax = 9

// ProtocolError says what is wrong with received octets. Its Reflect is what the AB that answers it carries.
type ProtocolError struct {
	Code    Code
	PDU     string // the SPDU's abbreviation, or "TSDU"
	Param   Param  // the parameter, 0 if it is the SPDU itself
	Reflect []byte // the first octets of the SPDU, at most ReflectMax; a copy
	Err     error  // what is wrong, in words
}

func (e *ProtocolError) Error() string {
	if e.Param == 0 {
		return fmt.Sprintf("spdu: parse %s: %v", e.PDU, e.Err)
	}
	return fmt.Sprintf("spdu: parse %s: %v: %v", e.PDU, e.Param, e.Err)
}

// Unwrap returns the cause.
func (e *ProtocolError) Unwrap() error { return e.Err }

func errorf(c Code, pdu string, p Param, format string, args ...any) *ProtocolError {
	return &ProtocolError{Code: c, PDU: pdu, Param: p, Err: fmt.Errorf(format, args...)}
}

var (
	errMisplaced = errors.New("not a parameter of this SPDU")
	errDuplicate = errors.New("occurs twice")
	errMissing   = errors.New("missing")
	errContinued = errors.New("in a segment that continues an SSDU")
)

// appendError is the user's fault: a value that cannot be sent.
func appendError(pdu string, p Param, format string, args ...any) error {
	if p == 0 {
		return fmt.Errorf("spdu: append %s: %w", pdu, fmt.Errorf(format, args...))
	}
	return fmt.Errorf("spdu: append %s: %v: %w", pdu, p, fmt.Errorf(format, args...))
}
