package spm

import "github.com/tenuto-session/tenuto/spdu"

// Kind is the kind of an event, under the standard's name (x225 4.2).
type Kind uint8

// The events. Names end in pos and neg where the standard writes + and -, in r and nr where the transport connection is kept or
// released.
const (
	noEvent Kind = iota

	// From the transport and the timer.
	TCONind
	TCONcnf
	TDISind
	TIM

	// From the SS-user.
	SCONreq
	SCONrspPos
	SCONrspNeg
	SDTreq
	SRELreq
	SRELrspPos
	SRELrspNeg
	SUABreq

	// SPDUs.
	AC
	CDO
	CN
	OA
	RFnr
	RFr
	DT
	DN
	FNnr
	FNr
	NF
	AA
	ABnr
	ABr
	PRAB
	Invalid // one that cannot be decoded, or whose functional unit is not here
	numEvents
)

var kindNames = [numEvents]string{
	"", "TCONind", "TCONcnf", "TDISind", "TIM", "SCONreq", "SCONrsp+", "SCONrsp-", "SDTreq", "SRELreq", "SRELrsp+", "SRELrsp-",
	"SUABreq", "AC", "CDO", "CN", "OA", "RF-nr", "RF-r", "DT", "DN", "FN-nr", "FN-r", "NF", "AA", "AB-nr", "AB-r", "PR-AB", "invalid",
}

func (k Kind) String() string {
	if k < numEvents {
		return kindNames[k]
	}
	return "?"
}

func (k Kind) fromTransport() bool { return k >= TCONind && k <= TIM }
func (k Kind) fromUser() bool      { return k >= SCONreq && k <= SUABreq }

// Event is what happens to the machine. The fields after Kind are parameters of some kinds only.
type Event struct {
	Kind      Kind
	Expedited bool              // TCONind, TCONcnf: the transport connection has an expedited flow
	Refuse    bool              // CN: not acceptable to the SPM, p76
	More      bool              // CN: its user data go on in CDO, p204
	Last      bool              // CDO: it is the last, p202
	Keep      bool              // FN-r: local agreement to keep the transport connection
	UserAbort bool              // AB: by the user, else by the provider
	Units     spdu.Units        // SCONreq, CN: those proposed; SCONrsp+, AC: those of the acceptor
	Setting   spdu.TokenSetting // SCONrsp+, AC: who has each token, the acceptor's choices made
	Serial    uint32            // SCONrsp+, AC: initial serial number
	Len       int               // SCONreq, SUABreq: octets of user data
}
