package spdu

import "fmt"

// SPDU is one of this package's types.
type SPDU interface {
	// AppendBinary appends the SPDU. On an error it returns b as it was: a value of the SPDU cannot be sent.
	AppendBinary(b []byte) ([]byte, error)
	// String is the SPDU in the notation used by logs, traces and tests, as in DN(data=3). What is absent is left out.
	fmt.Stringer

	kind() kind
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
