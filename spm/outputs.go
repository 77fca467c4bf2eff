package spm

// Output is something to be done, under the standard's name.
type Output uint8

// The outputs: requests to the transport, SPDUs to send, primitives to the SS-user, and the timer. SPDUs leave in the order
// in which they come.
const (
	noOutput Output = iota

	TCONreq
	TCONrsp
	TDISreq

	SendCN
	SendOA
	SendCDO // all of them
	SendAC
	SendRFnr
	SendRFr
	SendDT
	SendTD
	SendEX
	SendCD
	SendCDA
	SendGT
	SendPT
	SendGTC
	SendGTA
	SendMIP
	SendMIPd
	SendMIA
	SendMAP
	SendMAA
	SendAE
	SendAEA
	SendRSa
	SendRSr
	SendRSs
	SendRA
	SendED
	SendAS
	SendAR
	SendAI
	SendAIA
	SendAD
	SendADA
	SendFNnr
	SendFNr
	SendDN
	SendNF
	SendAA
	SendABnr
	SendABr
	SendPRMAA // PREPARE leaves only where there is an expedited flow
	SendPRRS
	SendPRRA
	SendPRAB

	SCONind
	SCONcnfPos
	SCONcnfNeg
	SDTind
	STDind
	SEXind
	SCDind
	SCDcnf
	SGTind
	SPTind
	SCGind
	SSYNmind
	SSYNmdind
	SSYNmcnf
	SSYNMind
	SSYNMcnf
	SRSYNind
	SRSYNcnf
	SUERind
	SPERind
	SACTSind
	SACTRind
	SACTIind
	SACTIcnf
	SACTDind
	SACTDcnf
	SACTEind
	SACTEcnf
	SRELind
	SRELcnfPos
	SRELcnfNeg
	SUABind
	SPABind
	sxABind // in the tables: SUABind or SPABind, as the AB says

	StartTIM
	StopTIM
	numOutputs
)

var outputNames = [numOutputs]string{
	"(none)", "TCONreq", "TCONrsp", "TDISreq",
	"CN", "OA", "CDO", "AC", "RF-nr", "RF-r", "DT", "TD", "EX", "CD", "CDA", "GT", "PT", "GTC", "GTA", "MIP", "MIP-d", "MIA", "MAP", "MAA",
	"AE", "AEA", "RS-a", "RS-r", "RS-s", "RA", "ED", "AS", "AR", "AI", "AIA", "AD", "ADA", "FN-nr", "FN-r", "DN", "NF", "AA", "AB-nr", "AB-r",
	"PR-MAA", "PR-RS", "PR-RA", "PR-AB",
	"SCONind", "SCONcnf+", "SCONcnf-", "SDTind", "STDind", "SEXind", "SCDind", "SCDcnf", "SGTind", "SPTind", "SCGind", "SSYNmind",
	"SSYNmdind", "SSYNmcnf", "SSYNMind", "SSYNMcnf", "SRSYNind", "SRSYNcnf", "SUERind", "SPERind", "SACTSind", "SACTRind", "SACTIind",
	"SACTIcnf", "SACTDind", "SACTDcnf", "SACTEind", "SACTEcnf", "SRELind", "SRELcnf+", "SRELcnf-", "SUABind", "SPABind",
	"SxABind", "start TIM", "stop TIM",
}

func (o Output) String() string {
	if o < numOutputs {
		return outputNames[o]
	}
	return "?"
}

// ToUser tells whether the output is an indication or a confirm.
func (o Output) ToUser() bool { return o >= SCONind && o <= SPABind }

// Sends tells whether the output is an SPDU.
func (o Output) Sends() bool { return o >= SendCN && o <= SendPRAB }

// outputs is the outputs column of a row, in order.
type outputs [3]Output

func out(list ...Output) (o outputs) {
	copy(o[:], list)
	return o
}

var none outputs
