package spdu

import (
	"bytes"
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
	NotSupported                 // an SPDU of another protocol or of an amendment
	TooLong                      // user data beyond the limit of the protocol version
	BadSequence                  // SPDUs that are not to be concatenated
	BadState                     // not allowed in the state of the session, or not on this flow of the transport
	Restricted                   // beyond a limit of this implementation
)

var codeNames = [...]string{"", "truncated", "bad length", "bad value", "misplaced", "duplicate", "missing", "unknown SPDU", "not supported",
	"too long", "bad sequence", "bad state", "restricted"}

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
	Offset  int    // octets before the parameter, or before the SPDU if it is missing or 0, in what was parsed; -1 if not known, see [Locate]
	Clause  string // what it breaks, such as "X.225 8.3.1.10", or "x225 2.5" where only the fact sheet's section is known
	Reflect []byte // the first octets of the SPDU, at most ReflectMax; a copy
	Err     error  // what is wrong, in words
}

func (e *ProtocolError) Error() string {
	doing := "parse "
	if e.Code == BadState {
		doing = ""
	}
	if e.Param == 0 {
		return fmt.Sprintf("spdu: %s%s: %v", doing, e.PDU, e.Err)
	}
	return fmt.Sprintf("spdu: %s%s: %v: %v", doing, e.PDU, e.Param, e.Err)
}

// Where says at which octet the error is and what it breaks, such as "at octet 4 (x225 2.8)".
func (e *ProtocolError) Where() string {
	if e.Offset < 0 {
		return "(" + e.Clause + ")"
	}
	return fmt.Sprintf("at octet %d (%s)", e.Offset, e.Clause)
}

// Unwrap returns the cause.
func (e *ProtocolError) Unwrap() error { return e.Err }

func errorf(c Code, pdu kind, p Param, format string, args ...any) *ProtocolError {
	return &ProtocolError{Code: c, PDU: pdu.String(), Param: p, Offset: -1, Clause: clause(c, p), Err: fmt.Errorf(format, args...)}
}

// badLI is an error about a unit that does not fit where it is.
func badLI(pdu kind, p Param, format string, args ...any) *ProtocolError {
	e := errorf(BadLength, pdu, p, format, args...)
	e.Clause = clauseStructure
	return e
}

// at says where the error is in b, whose SPDU begins at an octet.
func (e *ProtocolError) at(offset int, spdu []byte) *ProtocolError {
	e.Offset = offset
	e.Reflect = bytes.Clone(spdu[:min(len(spdu), ReflectMax)])
	return e
}

// shifted adds to the offset of an error found in a part that has n octets before it.
func shifted(err error, n int) error {
	var e *ProtocolError
	if errors.As(err, &e) {
		e.Offset += n
	}
	return err
}

// Clauses that hold for a parameter; those of X.225 are the ones that our sources name.
var paramClauses = map[Param]string{
	piSerial: "X.225 8.3.1.10", piUpperLimit: "X.225 8.3.1.13", piRequirements: "X.225 8.3.1.16",
	piSerialNumber: "x225 2.8", piSecondInitial: "x225 2.8", piSecondSerial: "x225 2.8", piActivity: "x225 2.8",
}

const (
	clauseStructure = "x225 2.1"
	clauseSegments  = "X.225 7.37.1"
	clauseSequence  = "x225 3.2"
)

// clause is what an error breaks unless its place says otherwise.
func clause(c Code, p Param) string {
	switch c {
	case Truncated, Duplicate:
		return clauseStructure
	case UnknownSPDU, NotSupported:
		return "x225 2.2"
	case Misplaced, Missing:
		return "x225 2.5"
	case TooLong, Restricted:
		return "x225 2.10"
	case BadSequence:
		return clauseSequence
	}
	switch named := paramClauses[p]; {
	case named != "":
		return named
	case p == 0:
		return "x225 2.10"
	case c == BadLength:
		return "x225 2.4"
	}
	return "x225 2.7"
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
