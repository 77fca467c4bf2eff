package spm

import "github.com/tenuto-session/tenuto/spdu"

// Kind is the kind of an event, under the standard's name (x225 4.2).
type Kind uint8

// The events. Names end in pos and neg where the standard writes + and -, in r and nr where the transport connection is kept or
// released, in A, R and S (SPDUs: a, r and s) for the types of resynchronization, and have a d where data are separated.
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
	STDreq
	SEXreq
	SCDreq
	SCDrsp
	SGTreq
	SPTreq
	SCGreq
	SSYNmreq
	SSYNmdreq
	SSYNmrsp
	SSYNMreq
	SSYNMrsp
	SRSYNreqA
	SRSYNreqR
	SRSYNreqS
	SRSYNrsp
	SUERreq
	SACTSreq
	SACTRreq
	SACTIreq
	SACTIrsp
	SACTDreq
	SACTDrsp
	SACTEreq
	SACTErsp
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
	TD
	EX
	CD
	CDA
	GT  // with tokens
	PT  // with tokens
	GTC // of S-CONTROL-GIVE
	GTA
	MIP
	MIPd
	MIA
	MAP
	AE
	MAA // or AEA, which has the same octets
	RSa
	RSr
	RSs
	RA
	ED
	ER
	AS
	AR
	AI
	AIA
	AD
	ADA
	DN
	FNnr
	FNr
	NF
	AA
	ABnr
	ABr
	PRMAA
	PRRS
	PRRA
	PRAB
	Invalid // one that cannot be decoded, or at the wrong place
	numEvents
)

var kindNames = [numEvents]string{
	"", "TCONind", "TCONcnf", "TDISind", "TIM", "SCONreq", "SCONrsp+", "SCONrsp-", "SDTreq", "STDreq", "SEXreq", "SCDreq", "SCDrsp",
	"SGTreq", "SPTreq", "SCGreq", "SSYNmreq", "SSYNmdreq", "SSYNmrsp", "SSYNMreq", "SSYNMrsp", "SRSYNreq(a)", "SRSYNreq(r)", "SRSYNreq(s)",
	"SRSYNrsp", "SUERreq", "SACTSreq", "SACTRreq", "SACTIreq", "SACTIrsp", "SACTDreq", "SACTDrsp", "SACTEreq", "SACTErsp",
	"SRELreq", "SRELrsp+", "SRELrsp-", "SUABreq",
	"AC", "CDO", "CN", "OA", "RF-nr", "RF-r", "DT", "TD", "EX", "CD", "CDA", "GT", "PT", "GTC", "GTA", "MIP", "MIP-d", "MIA", "MAP", "AE", "MAA",
	"RS(a)", "RS(r)", "RS(s)", "RA", "ED", "ER", "AS", "AR", "AI", "AIA", "AD", "ADA", "DN", "FN-nr", "FN-r", "NF", "AA", "AB-nr", "AB-r",
	"PR-MAA", "PR-RS", "PR-RA", "PR-AB", "invalid",
}

func (k Kind) String() string {
	if k < numEvents {
		return kindNames[k]
	}
	return "?"
}

func (k Kind) fromTransport() bool { return k >= TCONind && k <= TIM }

// FromUser tells whether the event is a request or response of the SS-user.
func (k Kind) FromUser() bool { return k >= SCONreq && k <= SUABreq }

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
	Setting   spdu.TokenSetting // SCONrsp+, AC, SRSYNrsp, RA: who has each token, all choices made
	Tokens    spdu.Tokens       // SGTreq, SPTreq, GT, PT: at least one
	Serial    uint32            // SCONrsp+, AC: the initial serial number; else that of the SPDU, or of SRSYNreq(r) and (s), SRSYNrsp, SSYNmrsp, SACTRreq
	Len       int               // SCONreq, SUABreq: octets of user data
}
