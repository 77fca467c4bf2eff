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
	SendFNnr
	SendFNr
	SendDN
	SendNF
	SendAA
	SendABnr
	SendABr
	SendPRAB

	SCONind
	SCONcnfPos
	SCONcnfNeg
	SDTind
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
	"(none)", "TCONreq", "TCONrsp", "TDISreq", "CN", "OA", "CDO", "AC", "RF-nr", "RF-r", "DT", "FN-nr", "FN-r", "DN", "NF", "AA",
	"AB-nr", "AB-r", "PR-AB", "SCONind", "SCONcnf+", "SCONcnf-", "SDTind", "SRELind", "SRELcnf+", "SRELcnf-", "SUABind", "SPABind",
	"SxABind", "start TIM", "stop TIM",
}

func (o Output) String() string {
	if o < numOutputs {
		return outputNames[o]
	}
	return "?"
}

// outputs is the outputs column of a row, in order.
type outputs [3]Output

func out(list ...Output) (o outputs) {
	copy(o[:], list)
	return o
}

var none outputs
