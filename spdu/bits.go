package spdu

import (
	"fmt"
	"strings"
)

// Version is a set of protocol versions (PI 22): what is proposed in CN, and the one selected in AC.
type Version uint8

// The protocol versions (x225 2.7).
const (
	Version1 Version = 1 << iota
	Version2
	versions = Version1 | Version2
)

// Units is a set of functional units, as the session user requirements (PI 20) carry it. The kernel is always selected.
type Units uint16

// The functional units (x225 2.7).
const (
	HalfDuplex Units = 1 << iota
	Duplex
	Expedited
	MinorSync
	MajorSync
	Resync
	Activity
	NegotiatedRelease
	CapabilityData
	Exceptions
	TypedData
	SymmetricSync
	DataSeparation

	// DefaultUnits is meant when PI 20 is absent. X.225 8.3.1.16
	DefaultUnits = HalfDuplex | MinorSync | Activity | CapabilityData | Exceptions
)

var unitNames = [16]string{"HD", "FD", "EX", "SY", "MA", "RESYN", "ACT", "NR", "CD", "EXCEP", "TD", "SS", "DS", "bit14", "bit15", "bit16"}

// String names the units by the short names of the standard's tables, as in "FD+TD"; no unit is "K".
func (u Units) String() string {
	var names []string
	for i, n := range unitNames {
		if u&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	if names == nil {
		return "K"
	}
	return strings.Join(names, "+")
}

// Tokens is a set of tokens, as the token item (PI 16) carries it.
type Tokens uint8

// The tokens (x225 2.7). Bits 2, 4, 6 and 8 are 0 and ignored on receipt.
const (
	DataToken    Tokens = 0x01
	MinorToken   Tokens = 0x04
	MajorToken   Tokens = 0x10 // major/activity
	ReleaseToken Tokens = 0x40
	allTokens           = DataToken | MinorToken | MajorToken | ReleaseToken
)

var tokenNames = [8]string{0: "data", 2: "minor", 4: "major", 6: "release"}

func (t Tokens) String() string {
	var names []string
	for i, n := range tokenNames {
		if t&(1<<i) != 0 && n != "" {
			names = append(names, n)
		}
	}
	return strings.Join(names, "+")
}

// TokenSetting is the token setting item (PI 26): two bits for each token.
type TokenSetting uint8

// Values of each pair of bits: who holds the token, in terms of the session connection (x225 2.7).
const (
	AtInitiator TokenSetting = iota
	AtResponder
	CalledChooses
)

// Of returns the setting of one token.
func (s TokenSetting) Of(t Tokens) TokenSetting {
	for i := range 4 {
		if t == 1<<(2*i) {
			return s >> (2 * i) & 3
		}
	}
	panic("BUG: not one token")
}

// With returns s with another setting for some tokens.
func (s TokenSetting) With(set Tokens, v TokenSetting) TokenSetting {
	for i := range 4 {
		if set&(1<<(2*i)) != 0 {
			s = s&^(3<<(2*i)) | v&3<<(2*i)
		}
	}
	return s
}

// String says of each token where it is, available or not, as in "data:initiator,minor:chooses,major:responder,release:initiator",
// or "all:responder".
func (s TokenSetting) String() string {
	names := [...]string{"initiator", "responder", "chooses", "reserved"}
	if s == s&3*0x55 {
		return "all:" + names[s&3]
	}
	var b strings.Builder
	for i := range 4 {
		fmt.Fprintf(&b, ",%s:%s", tokenNames[2*i], names[s>>(2*i)&3])
	}
	return b.String()[1:]
}

// Enclosure is the enclosure item (PI 25), which cuts SSDUs into segments; the zero value says that there is none, which
// makes the SPDU a whole SSDU.
type Enclosure uint8

// The enclosure items: the low two bits are the octet sent (x225 2.7), the third says that the item is there.
const (
	Middle Enclosure = 4 + iota
	First
	Last
	Only
)

// Begins and Ends tell whether an SSDU begins or ends in this segment.
func (e Enclosure) Begins() bool { return e == 0 || e&1 != 0 }
func (e Enclosure) Ends() bool   { return e == 0 || e&2 != 0 }

// continues tells whether a segment goes on with an SSDU that another began.
func (e Enclosure) continues() bool { return !e.Begins() }

// Present tells whether the item is there.
func (e Enclosure) Present() bool { return e != 0 }

func (e Enclosure) octet() byte { return byte(e & 3) }

func (e Enclosure) String() string {
	switch e {
	case 0:
		return "none"
	case Middle:
		return "middle"
	case First:
		return "first"
	case Last:
		return "last"
	case Only:
		return "only"
	}
	return fmt.Sprintf("enclosure %d", uint8(e))
}

// Transport disconnect (PI 17), x225 2.7.
const (
	bitReleased    = 0x01
	abortReasons   = 0x1e
	optionsExtConc = 0x01 // protocol options (PI 19): able to receive extended concatenation
	bitOverflow    = 0x01 // data overflow (PI 60)
	bitOptional    = 0x01 // sync type item (PI 15) of MIP: explicit confirmation is not asked for
	bitSeparation  = 0x02 // the same: data separation
	bitGoesOn      = 0x01 // the same of MAP: the activity does not end
)

// AbortReason is a set of the bits of PI 17 that AB alone uses.
type AbortReason uint8

// The reasons of an abort (x225 2.7). With UserAbort it is an S-U-ABORT, else an S-P-ABORT.
const (
	UserAbort                 AbortReason = 0x02
	ProtocolErrorAbort        AbortReason = 0x04
	NoReason                  AbortReason = 0x08
	ImplementationRestriction AbortReason = 0x10
)

func (r AbortReason) String() string {
	var names []string
	for _, n := range []struct {
		bit  AbortReason
		name string
	}{{UserAbort, "user abort"}, {ProtocolErrorAbort, "protocol error"}, {NoReason, "no reason"}, {ImplementationRestriction, "implementation restriction"}} {
		if r&n.bit != 0 {
			names = append(names, n.name)
		}
	}
	if names == nil {
		return "undefined"
	}
	return strings.Join(names, ", ")
}

// RefuseReason is the reason code of RF (PI 50).
type RefuseReason uint8

// The reasons of a refusal (x225 2.9): 0 to 2 are the called user's, the others the provider's.
const (
	RefusedByUser             RefuseReason = 0
	RefusedCongestion         RefuseReason = 1 // by the user: temporary congestion
	RefusedWithData           RefuseReason = 2 // by the user, whose data follow
	RefusedSelectorUnknown    RefuseReason = 129
	RefusedNotAttached        RefuseReason = 130 // no SS-user at the selector for now
	RefusedProviderCongestion RefuseReason = 131
	RefusedVersions           RefuseReason = 132
	RefusedByProvider         RefuseReason = 133
	RefusedRestriction        RefuseReason = 134
)

// Persistent tells whether the same request will be refused again: trying later is no use.
func (r RefuseReason) Persistent() bool {
	return r == RefusedSelectorUnknown || r == RefusedVersions || r == RefusedRestriction
}

func (r RefuseReason) String() string {
	switch r {
	case RefusedByUser:
		return "rejected by the called user"
	case RefusedCongestion:
		return "called user: temporary congestion"
	case RefusedWithData:
		return "rejected by the called user with data"
	case RefusedSelectorUnknown:
		return "session selector unknown"
	case RefusedNotAttached:
		return "called user not attached"
	case RefusedProviderCongestion:
		return "provider congestion"
	case RefusedVersions:
		return "protocol versions not supported"
	case RefusedByProvider:
		return "rejected by the provider"
	case RefusedRestriction:
		return "implementation restriction"
	}
	return fmt.Sprintf("reason %d", uint8(r))
}

// PrepareType is the type of a PR (PI 24).
type PrepareType uint8

// What a PR announces (x225 2.7).
const (
	PrepareMAA PrepareType = 1 + iota
	PrepareRS
	PrepareRA
	PrepareAB
)

func (t PrepareType) String() string {
	if names := [...]string{"", "MAA", "RS", "RA", "AB"}; t >= PrepareMAA && t <= PrepareAB {
		return names[t]
	}
	return fmt.Sprintf("type %d", uint8(t))
}
