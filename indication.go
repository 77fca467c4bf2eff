package tenuto

import (
	"fmt"
	"strings"
)

// Indication is an indication or confirm of the session service. Its String is the primitive in the notation of logs and of "tenuto drive",
// as in S-SYNC-MINOR indication(explicit, serial=5, data="x").
type Indication interface {
	fmt.Stringer
	indication()
}

// Data is a part of an S-DATA indication. What a resynchronization, interrupt, discard or abort cuts never ends.
type Data struct {
	B   []byte // valid until the next Receive; may be empty with End
	End bool   // B ends with the last octet of the SSDU
}

// TypedDataInd is a part of an S-TYPED-DATA indication, as Data is one of S-DATA.
type TypedDataInd struct {
	B   []byte
	End bool
}

// ExpeditedInd is the S-EXPEDITED-DATA indication.
type ExpeditedInd struct{ Data []byte }

// CapabilityInd is the S-CAPABILITY-DATA indication, to be answered by RespondCapability.
type CapabilityInd struct{ Data []byte }

// CapabilityCnf is the S-CAPABILITY-DATA confirm.
type CapabilityCnf struct{ Data []byte }

// TokenGiveInd is the S-TOKEN-GIVE indication: the tokens are here now.
type TokenGiveInd struct {
	Tokens Tokens
	Data   []byte
}

// TokenPleaseInd is the S-TOKEN-PLEASE indication: the peer asks for the tokens.
type TokenPleaseInd struct {
	Tokens Tokens
	Data   []byte
}

// ControlGiveInd is the S-CONTROL-GIVE indication: all available tokens are here now.
type ControlGiveInd struct{ Data []byte }

// SyncMinorInd is the S-SYNC-MINOR indication. ConfirmSync answers it, and all points before it; with Optional that is not asked for.
type SyncMinorInd struct {
	Type   SyncType
	Serial uint32
	Data   []byte
}

// SyncMinorCnf is the S-SYNC-MINOR confirm of a point and of all before it.
type SyncMinorCnf struct {
	Serial uint32
	Data   []byte
}

// SyncMajorInd is the S-SYNC-MAJOR indication, to be answered by ConfirmSync.
type SyncMajorInd struct {
	Serial uint32
	Data   []byte
}

// SyncMajorCnf is the S-SYNC-MAJOR confirm.
type SyncMajorCnf struct {
	Serial uint32
	Data   []byte
}

// ResyncInd is the S-RESYNCHRONIZE indication, to be answered by RespondResync. What either side sent before and the other has not
// received is lost.
type ResyncInd struct {
	Type   ResyncType
	Serial uint32        // with Abandon the number from which both go on
	Tokens TokenSettings // where the tokens will be; Choose leaves it to the answer
	Data   []byte
}

// ResyncCnf is the S-RESYNCHRONIZE confirm.
type ResyncCnf struct {
	Serial uint32 // the next synchronization point has it
	Tokens Tokens // those that are here now
	Data   []byte
}

// ExceptionInd is the S-U-EXCEPTION-REPORT indication, or with Provider the S-P-EXCEPTION-REPORT indication. Who had the data token
// clears it: by Resynchronize, InterruptActivity, DiscardActivity, GiveTokens with the data token, or Abort.
type ExceptionInd struct {
	Provider bool
	Reason   ExceptionReason // of the user
	Data     []byte
}

// ActivityStartInd is the S-ACTIVITY-START indication.
type ActivityStartInd struct {
	ID   []byte
	Data []byte
}

// ActivityResumeInd is the S-ACTIVITY-RESUME indication.
type ActivityResumeInd struct {
	ID     []byte
	Resume Resume
	Data   []byte
}

// ActivityInterruptInd is the S-ACTIVITY-INTERRUPT indication, to be answered by RespondInterrupt.
type ActivityInterruptInd struct {
	Reason ExceptionReason
	Data   []byte
}

// ActivityInterruptCnf is the S-ACTIVITY-INTERRUPT confirm. All available tokens are here now.
type ActivityInterruptCnf struct{ Data []byte }

// ActivityDiscardInd is the S-ACTIVITY-DISCARD indication, to be answered by RespondDiscard.
type ActivityDiscardInd struct {
	Reason ExceptionReason
	Data   []byte
}

// ActivityDiscardCnf is the S-ACTIVITY-DISCARD confirm. All available tokens are here now.
type ActivityDiscardCnf struct{ Data []byte }

// ActivityEndInd is the S-ACTIVITY-END indication, to be answered by RespondEnd.
type ActivityEndInd struct {
	Serial uint32
	Data   []byte
}

// ActivityEndCnf is the S-ACTIVITY-END confirm.
type ActivityEndCnf struct {
	Serial uint32
	Data   []byte
}

// ReleaseInd is the S-RELEASE indication: the peer sends nothing more, and waits for RespondRelease or RefuseRelease. Until then
// this side may send.
type ReleaseInd struct{ Data []byte }

// ReleaseCnf is the S-RELEASE confirm.
type ReleaseCnf struct {
	Refused bool // negative: the session goes on
	Data    []byte
}

func (Data) indication()                 {}
func (TypedDataInd) indication()         {}
func (ExpeditedInd) indication()         {}
func (CapabilityInd) indication()        {}
func (CapabilityCnf) indication()        {}
func (TokenGiveInd) indication()         {}
func (TokenPleaseInd) indication()       {}
func (ControlGiveInd) indication()       {}
func (SyncMinorInd) indication()         {}
func (SyncMinorCnf) indication()         {}
func (SyncMajorInd) indication()         {}
func (SyncMajorCnf) indication()         {}
func (ResyncInd) indication()            {}
func (ResyncCnf) indication()            {}
func (ExceptionInd) indication()         {}
func (ActivityStartInd) indication()     {}
func (ActivityResumeInd) indication()    {}
func (ActivityInterruptInd) indication() {}
func (ActivityInterruptCnf) indication() {}
func (ActivityDiscardInd) indication()   {}
func (ActivityDiscardCnf) indication()   {}
func (ActivityEndInd) indication()       {}
func (ActivityEndCnf) indication()       {}
func (ReleaseInd) indication()           {}
func (ReleaseCnf) indication()           {}

// primitive puts the notation of a primitive together. Parts that are empty are left out.
func primitive(name string, data []byte, parts ...string) string {
	if len(data) > 0 {
		parts = append(parts, "data="+quote(data))
	}
	all := parts[:0:0]
	for _, p := range parts {
		if p != "" {
			all = append(all, p)
		}
	}
	return name + "(" + strings.Join(all, ", ") + ")"
}

// maxQuoted is how many octets of user data a notation shows.
const maxQuoted = 64

// quote shows user data as text if they are that, else in hexadecimal.
func quote(b []byte) string {
	more := ""
	if len(b) > maxQuoted {
		more = fmt.Sprintf("+%d", len(b)-maxQuoted)
		b = b[:maxQuoted]
	}
	for _, c := range b {
		if c < ' ' || c > '~' {
			return fmt.Sprintf("0x%x%s", b, more)
		}
	}
	return fmt.Sprintf("%q%s", b, more)
}

func serialPart(n uint32) string { return fmt.Sprintf("serial=%d", n) }

func tokensPart(t Tokens) string { return "tokens=" + strings.ReplaceAll(t.String(), "+", ",") }

func partOf(end bool) string {
	if end {
		return ""
	}
	return "part"
}

func (i Data) String() string { return primitive("S-DATA indication", i.B, partOf(i.End)) }
func (i TypedDataInd) String() string {
	return primitive("S-TYPED-DATA indication", i.B, partOf(i.End))
}
func (i ExpeditedInd) String() string { return primitive("S-EXPEDITED-DATA indication", i.Data) }
func (i CapabilityInd) String() string {
	return primitive("S-CAPABILITY-DATA indication", i.Data)
}
func (i CapabilityCnf) String() string { return primitive("S-CAPABILITY-DATA confirm", i.Data) }
func (i TokenGiveInd) String() string {
	return primitive("S-TOKEN-GIVE indication", i.Data, tokensPart(i.Tokens))
}
func (i TokenPleaseInd) String() string {
	return primitive("S-TOKEN-PLEASE indication", i.Data, tokensPart(i.Tokens))
}
func (i ControlGiveInd) String() string { return primitive("S-CONTROL-GIVE indication", i.Data) }
func (i SyncMinorInd) String() string {
	return primitive("S-SYNC-MINOR indication", i.Data, i.Type.String(), serialPart(i.Serial))
}
func (i SyncMinorCnf) String() string {
	return primitive("S-SYNC-MINOR confirm", i.Data, serialPart(i.Serial))
}
func (i SyncMajorInd) String() string {
	return primitive("S-SYNC-MAJOR indication", i.Data, serialPart(i.Serial))
}
func (i SyncMajorCnf) String() string {
	return primitive("S-SYNC-MAJOR confirm", i.Data, serialPart(i.Serial))
}
func (i ResyncInd) String() string {
	return primitive("S-RESYNCHRONIZE indication", i.Data, i.Type.String(), serialPart(i.Serial), i.Tokens.String())
}
func (i ResyncCnf) String() string {
	here := ""
	if i.Tokens != 0 {
		here = tokensPart(i.Tokens)
	}
	return primitive("S-RESYNCHRONIZE confirm", i.Data, serialPart(i.Serial), here)
}
func (i ExceptionInd) String() string {
	if i.Provider {
		return primitive("S-P-EXCEPTION-REPORT indication", nil)
	}
	return primitive("S-U-EXCEPTION-REPORT indication", i.Data, fmt.Sprintf("reason=%q", i.Reason))
}
func (i ActivityStartInd) String() string {
	return primitive("S-ACTIVITY-START indication", i.Data, "id="+quote(i.ID))
}
func (i ActivityResumeInd) String() string {
	return primitive("S-ACTIVITY-RESUME indication", i.Data, "id="+quote(i.ID), "old="+quote(i.Resume.ID), serialPart(i.Resume.Serial))
}
func (i ActivityInterruptInd) String() string {
	return primitive("S-ACTIVITY-INTERRUPT indication", i.Data, fmt.Sprintf("reason=%q", i.Reason))
}
func (i ActivityInterruptCnf) String() string {
	return primitive("S-ACTIVITY-INTERRUPT confirm", i.Data)
}
func (i ActivityDiscardInd) String() string {
	return primitive("S-ACTIVITY-DISCARD indication", i.Data, fmt.Sprintf("reason=%q", i.Reason))
}
func (i ActivityDiscardCnf) String() string { return primitive("S-ACTIVITY-DISCARD confirm", i.Data) }
func (i ActivityEndInd) String() string {
	return primitive("S-ACTIVITY-END indication", i.Data, serialPart(i.Serial))
}
func (i ActivityEndCnf) String() string {
	return primitive("S-ACTIVITY-END confirm", i.Data, serialPart(i.Serial))
}
func (i ReleaseInd) String() string { return primitive("S-RELEASE indication", i.Data) }
func (i ReleaseCnf) String() string {
	result := "affirmative"
	if i.Refused {
		result = "negative"
	}
	return primitive("S-RELEASE confirm", i.Data, result)
}
