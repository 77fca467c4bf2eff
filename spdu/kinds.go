package spdu

// A kind is one of X.225's SPDUs: an SI may stand for two of them. MAA is also AEA, whose octets are the same.
type kind uint8

const (
	noKind kind = iota
	kindCN
	kindOA
	kindCDO
	kindAC
	kindRF
	kindFN
	kindDN
	kindNF
	kindAB
	kindAA
	kindPR
	kindEX
	kindTD
	kindGTC
	kindGTA
	kindGT
	kindPT
	kindDT
	kindMIP
	kindMIA
	kindMAP
	kindAE
	kindMAA
	kindRS
	kindRA
	kindAS
	kindAR
	kindAI
	kindAIA
	kindAD
	kindADA
	kindCD
	kindCDA
	kindER
	kindED
	numKinds
)

// facts is what X.225 says of an SPDU apart from its parameters.
type facts struct {
	name     string
	si       SI
	category uint8 // 0: alone, or before those of category 2; 1: alone; 2: after one of category 0. x225 2.2
	header   kind  // category 2: the one of category 0 that goes before it. x225 3.2
	data     Param // the unit that holds user data, 0 if there is none
	limit    int   // octets of user data in version 1. x225 2.10
	title    string
}

var kinds = [numKinds]facts{
	noKind:  {"TSDU", noSPDU, 1, 0, 0, 0, ""},
	kindCN:  {"CN", siCN, 1, 0, pgiUserData, MaxUserDataV1, "CONNECT"},
	kindOA:  {"OA", siOA, 1, 0, 0, 0, "OVERFLOW ACCEPT"},
	kindCDO: {"CDO", siCDO, 1, 0, pgiUserData, 0, "CONNECT DATA OVERFLOW"},
	kindAC:  {"AC", siAC, 1, 0, pgiUserData, MaxUserDataV1, "ACCEPT"},
	kindRF:  {"RF", siRF, 1, 0, piReason, MaxUserDataV1, "REFUSE"},
	kindFN:  {"FN", siFN, 1, 0, pgiUserData, MaxUserDataV1, "FINISH"},
	kindDN:  {"DN", siDN, 1, 0, pgiUserData, MaxUserDataV1, "DISCONNECT"},
	kindNF:  {"NF", siNF, 1, 0, pgiUserData, MaxUserDataV1, "NOT FINISHED"},
	kindAB:  {"AB", siAB, 1, 0, pgiUserData, MaxUserDataV1, "ABORT"}, // laxity: the limit is 9
	kindAA:  {"AA", siAA, 1, 0, 0, 0, "ABORT ACCEPT"},
	kindPR:  {"PR", siPR, 1, 0, 0, 0, "PREPARE"},
	kindEX:  {"EX", siEX, 1, 0, 0, 0, "EXPEDITED DATA"},
	kindTD:  {"TD", siTD, 1, 0, 0, 0, "TYPED DATA"},
	kindGTC: {"GTC", siGTC, 1, 0, pgiUserData, 0, "GIVE TOKENS CONFIRM"},
	kindGTA: {"GTA", siGTA, 1, 0, 0, 0, "GIVE TOKENS ACK"},
	kindGT:  {"GT", siGT, 0, 0, pgiUserData, 0, "GIVE TOKENS"},
	kindPT:  {"PT", siPT, 0, 0, pgiUserData, MaxUserDataV1, "PLEASE TOKENS"},
	kindDT:  {"DT", siDT, 2, kindGT, 0, 0, "DATA TRANSFER"},
	kindMIP: {"MIP", siMIP, 2, kindGT, pgiUserData, MaxUserDataV1, "MINOR SYNC POINT"},
	kindMIA: {"MIA", siMIA, 2, kindPT, piUserData, MaxUserDataV1, "MINOR SYNC ACK"},
	kindMAP: {"MAP", siMAP, 2, kindGT, pgiUserData, MaxUserDataV1, "MAJOR SYNC POINT"},
	kindAE:  {"AE", siMAP, 2, kindGT, pgiUserData, MaxUserDataV1, "ACTIVITY END"},
	kindMAA: {"MAA", siMAA, 2, kindPT, pgiUserData, MaxUserDataV1, "MAJOR SYNC ACK or ACTIVITY END ACK"},
	kindRS:  {"RS", siRS, 2, kindGT, pgiUserData, MaxUserDataV1, "RESYNCHRONIZE"},
	kindRA:  {"RA", siRA, 2, kindPT, pgiUserData, MaxUserDataV1, "RESYNCHRONIZE ACK"},
	kindAS:  {"AS", siAS, 2, kindGT, pgiUserData, MaxUserDataV1, "ACTIVITY START"},
	kindAR:  {"AR", siAR, 2, kindGT, pgiUserData, MaxUserDataV1, "ACTIVITY RESUME"},
	kindAI:  {"AI", siAI, 2, kindGT, pgiUserData, 0, "ACTIVITY INTERRUPT"},
	kindAIA: {"AIA", siAIA, 2, kindPT, pgiUserData, 0, "ACTIVITY INTERRUPT ACK"},
	kindAD:  {"AD", siAD, 2, kindGT, pgiUserData, 0, "ACTIVITY DISCARD"},
	kindADA: {"ADA", siADA, 2, kindPT, pgiUserData, 0, "ACTIVITY DISCARD ACK"},
	kindCD:  {"CD", siCD, 2, kindGT, pgiUserData, MaxUserDataV1, "CAPABILITY DATA"},
	kindCDA: {"CDA", siCDA, 2, kindPT, pgiUserData, MaxUserDataV1, "CAPABILITY DATA ACK"},
	kindER:  {"ER", siER, 2, kindPT, 0, 0, "EXCEPTION REPORT"},
	kindED:  {"ED", siED, 2, kindPT, pgiUserData, MaxUserDataV1, "EXCEPTION DATA"},
}

func (k kind) String() string { return kinds[k].name }

// What an SI means where a TSDU begins (categories 0 and 1), and after an SPDU of category 0. MAP stands for AE too.
var firstKinds, nextKinds = byPlace()

func byPlace() (first, next [256]kind) {
	for k := numKinds - 1; k > noKind; k-- {
		place := &first
		if kinds[k].category == 2 {
			place = &next
		}
		place[kinds[k].si] = k
	}
	return first, next
}
