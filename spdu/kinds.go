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
	kindGT
	kindPT
	kindDT
	numKinds
)

// facts is what X.225 says of an SPDU apart from its parameters.
type facts struct {
	name     string
	si       SI
	category uint8 // 0: alone, or before those of category 2; 1: alone; 2: after one of category 0. x225 2.2
	data     Param // the unit that holds user data, 0 if there is none
	limit    int   // octets of user data in version 1. x225 2.10
}

var kinds = [numKinds]facts{
	kindCN:  {"CN", siCN, 1, pgiUserData, MaxUserDataV1},
	kindOA:  {"OA", siOA, 1, 0, 0},
	kindCDO: {"CDO", siCDO, 1, pgiUserData, 0},
	kindAC:  {"AC", siAC, 1, pgiUserData, MaxUserDataV1},
	kindRF:  {"RF", siRF, 1, piReason, MaxUserDataV1},
	kindFN:  {"FN", siFN, 1, pgiUserData, MaxUserDataV1},
	kindDN:  {"DN", siDN, 1, pgiUserData, MaxUserDataV1},
	kindNF:  {"NF", siNF, 1, pgiUserData, MaxUserDataV1},
	kindAB:  {"AB", siAB, 1, pgiUserData, MaxUserDataV1}, // laxity: the limit is 9
	kindAA:  {"AA", siAA, 1, 0, 0},
	kindPR:  {"PR", siPR, 1, 0, 0},
	kindGT:  {"GT", siGT, 0, pgiUserData, 0},
	kindPT:  {"PT", siPT, 0, pgiUserData, MaxUserDataV1},
	kindDT:  {"DT", siDT, 2, 0, 0},
}

func (k kind) String() string { return kinds[k].name }
