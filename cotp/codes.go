package cotp

import "fmt"

// Type is the kind of a TPDU: the upper half of its second octet. X.224 (11/95) 13.1
type Type uint8

// The TPDUs of ISO 8073. Those of other classes are here to be named in errors.
const (
	TypeED Type = 0x10 // expedited data
	TypeEA Type = 0x20 // expedited data acknowledgement: classes 1 to 4
	TypeRJ Type = 0x50 // reject: classes 1 and 3
	TypeAK Type = 0x60 // data acknowledgement: classes 1 to 4
	TypeER Type = 0x70 // TPDU error
	TypeDR Type = 0x80 // disconnect request
	TypeDC Type = 0xc0 // disconnect confirm: classes 1 to 4
	TypeCC Type = 0xd0 // connection confirm
	TypeCR Type = 0xe0 // connection request
	TypeDT Type = 0xf0 // data
)

var typeNames = map[Type]string{TypeED: "ED", TypeEA: "EA", TypeRJ: "RJ", TypeAK: "AK", TypeER: "ER", TypeDR: "DR",
	TypeDC: "DC", TypeCC: "CC", TypeCR: "CR", TypeDT: "DT"}

func (t Type) String() string {
	if name, ok := typeNames[t]; ok {
		return name
	}
	return fmt.Sprintf("TPDU-%02X", uint8(t))
}

// Reason is why a connection is refused or was released: the reason field of DR. X.224 (11/95) 13.5.3
type Reason uint8

// Reasons. Those from 128 on are of classes 1 to 4, but some peers of class 0 send them too (x225 5.3).
const (
	ReasonUnspecified    Reason = 0
	ReasonCongestion     Reason = 1 // congestion at the TSAP
	ReasonNotAttached    Reason = 2 // no session entity is attached to the TSAP
	ReasonAddressUnknown Reason = 3
	ReasonNormal         Reason = 128 // the session entity asked for it
	ReasonRemoteCongest  Reason = 129 // of the remote transport entity, when the connection was requested
	ReasonNegotiation    Reason = 130 // the parameters of the connection could not be agreed
	ReasonDuplicateRef   Reason = 131
	ReasonMismatchedRef  Reason = 132
	ReasonProtocol       Reason = 133
	ReasonRefOverflow    Reason = 135
	ReasonRefused        Reason = 136 // on this network connection
	ReasonLength         Reason = 138 // a header's or parameter's length was not valid
)

var reasonNames = map[Reason]string{
	ReasonUnspecified: "not specified", ReasonCongestion: "congestion at TSAP", ReasonNotAttached: "session entity not attached to TSAP",
	ReasonAddressUnknown: "address unknown", ReasonNormal: "normal disconnect", ReasonRemoteCongest: "remote transport entity congestion",
	ReasonNegotiation: "connection negotiation failed", ReasonDuplicateRef: "duplicate source reference",
	ReasonMismatchedRef: "mismatched references", ReasonProtocol: "protocol error", ReasonRefOverflow: "reference overflow",
	ReasonRefused: "connection request refused", ReasonLength: "header or parameter length invalid",
}

func (r Reason) String() string {
	if name, ok := reasonNames[r]; ok {
		return name
	}
	return fmt.Sprintf("reason %d", uint8(r))
}

// Cause is why a TPDU is rejected: the reject cause of ER. X.224 (11/95) 13.12.3
type Cause uint8

// Reject causes.
const (
	CauseUnspecified   Cause = 0
	CauseParameterCode Cause = 1
	CauseType          Cause = 2
	CauseParameter     Cause = 3 // the value of a parameter
)

var causeNames = [...]string{"not specified", "invalid parameter code", "invalid TPDU type", "invalid parameter value"}

func (c Cause) String() string {
	if int(c) < len(causeNames) {
		return causeNames[c]
	}
	return fmt.Sprintf("cause %d", uint8(c))
}

// Size is the code of a TPDU size, which counts all octets of a TPDU, its header among them; 0 is none. X.224 (11/95) 13.3.4 b
type Size uint8

// Sizes. X.224 has class 0 end at Size2048. RFC 1006 lifts that, and peers use the codes beyond 8192 in the same way (x225 5.3, 7).
const (
	Size128   Size = 0x07
	Size2048  Size = 0x0b
	Size8192  Size = 0x0d
	Size32768 Size = 0x0f
	Size65531 Size = 0x10 // what fits in a TPKT; also what holds where no size is said. RFC 1006 §6
)

// Octets is the size in octets; MaxTPDU if there is none.
func (s Size) Octets() int {
	if s == 0 || s >= Size65531 {
		return MaxTPDU
	}
	return 1 << s
}

// SizeOf is the largest size of at most n octets, at least Size128.
func SizeOf(n int) Size {
	if n >= MaxTPDU {
		return Size65531
	}
	s := Size128
	for s < Size32768 && 1<<(s+1) <= n {
		s++
	}
	return s
}

// Options are the additional options of CR and CC, as a set of bits. X.224 (11/95) 13.3.4 f
type Options uint8

// OptionExpedited asks for the expedited data service. Over TCP nothing is expedited unless both ends say so (x225 5.3).
const OptionExpedited Options = 1

// Parameter codes of CR and CC, DR, and ER. X.224 (11/95) 13.3.4, 13.5.4, 13.12.4
const (
	paramSize         = 0xc0
	paramCalling      = 0xc1
	paramInvalid      = 0xc1 // of ER: the invalid TPDU
	paramCalled       = 0xc2
	paramOptions      = 0xc6
	paramAlternatives = 0xc7
	paramInformation  = 0xe0 // of DR: additional information
	paramPreferred    = 0xf0
)

var paramNames = map[byte]string{paramSize: "TPDU size", paramCalling: "calling TSAP selector", paramCalled: "called TSAP selector",
	paramOptions: "additional options", paramAlternatives: "alternative classes", paramPreferred: "preferred maximum TPDU size"}

const (
	// MaxSelector is the most octets that a TSAP selector has. x225 5.1
	MaxSelector = 32
	// MaxUserData is the most octets of user data that CR and CC carry: RFC 1006 has them where class 0 has none. x225 5.3
	MaxUserData = 32
	// MaxExpedited is the most octets of user data that ED carries. X.214
	MaxExpedited = 16
	// MaxTPDU is the most octets of a TPDU in a TPKT. RFC 1006 §6
	MaxTPDU = 65531

	// maxLI is the largest length indicator; FF is reserved. X.224 (11/95) 13.2.1
	maxLI = 254
	// maxDisconnectData is the most octets of user data that DR has in the classes where it has any. X.224 (11/95) 13.5.5
	maxDisconnectData = 64
	// maxControl bounds the packets that are taken as a whole: all but those of DT and ED.
	maxControl = tpktSize + 1 + maxLI + maxDisconnectData
	// maxInvalid is how many octets of a TPDU we return in ER.
	maxInvalid = 64
)
