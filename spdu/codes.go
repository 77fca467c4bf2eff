package spdu

import "fmt"

// SI is an SPDU identifier. Some stand for two SPDUs; which one is told by the place in the TSDU (x225 2.2).
type SI uint8

// The SPDU identifiers of X.225 (x225 2.2).
const (
	siER   SI = 0  // EXCEPTION REPORT
	siGT   SI = 1  // GIVE TOKENS, first in a TSDU
	siDT   SI = 1  // DATA TRANSFER, after a category 0 SPDU
	siPT   SI = 2  // PLEASE TOKENS
	siEX   SI = 5  // EXPEDITED DATA
	siPR   SI = 7  // PREPARE
	siNF   SI = 8  // NOT FINISHED
	siFN   SI = 9  // FINISH
	siDN   SI = 10 // DISCONNECT
	siRF   SI = 12 // REFUSE
	siCN   SI = 13 // CONNECT, X.225 8.3.1
	siAC   SI = 14 // ACCEPT
	siCDO  SI = 15 // CONNECT DATA OVERFLOW
	siOA   SI = 16 // OVERFLOW ACCEPT
	siGTC  SI = 21 // GIVE TOKENS CONFIRM
	siGTA  SI = 22 // GIVE TOKENS ACK
	siAB   SI = 25 // ABORT, first in a TSDU
	siAI   SI = 25 // ACTIVITY INTERRUPT, after a category 0 SPDU
	siAA   SI = 26 // ABORT ACCEPT, first in a TSDU
	siAIA  SI = 26 // ACTIVITY INTERRUPT ACK, after a category 0 SPDU
	siAR   SI = 29 // ACTIVITY RESUME
	siTD   SI = 33 // TYPED DATA
	siRA   SI = 34 // RESYNCHRONIZE ACK
	siMAP  SI = 41 // MAJOR SYNC POINT and ACTIVITY END
	siMAA  SI = 42 // MAJOR SYNC ACK and ACTIVITY END ACK
	siAS   SI = 45 // ACTIVITY START
	siED   SI = 48 // EXCEPTION DATA
	siMIP  SI = 49 // MINOR SYNC POINT
	siMIA  SI = 50 // MINOR SYNC ACK
	siRS   SI = 53 // RESYNCHRONIZE
	siAD   SI = 57 // ACTIVITY DISCARD
	siADA  SI = 58 // ACTIVITY DISCARD ACK
	siCD   SI = 61 // CAPABILITY DATA
	siCDA  SI = 62 // CAPABILITY DATA ACK
	siUD   SI = 64 // UNIT DATA, of X.235
	maxSI  SI = 64 // beyond are the short SPDUs of the amendments, x225 6
	noSPDU SI = 255
)

// MaxSPDU is the most that an SPDU has, in octets: SI, long LI and parameters (x225 2.1).
const MaxSPDU = 4 + 65535

// Param is the code of a parameter group (PGI) or parameter (PI); 0 stands for none.
type Param uint8

// Parameter groups (x225 2.3).
const (
	pgiConnectionID  Param = 1
	pgiConnectAccept Param = 5
	pgiLinking       Param = 33
	pgiUserData      Param = 193
	pgiExtended      Param = 194 // extended user data
)

// Parameters (x225 2.4).
const (
	piCalledRef       Param = 9
	piCallingRef      Param = 10
	piCommonRef       Param = 11
	piAdditionalRef   Param = 12
	piSyncType        Param = 15
	piToken           Param = 16
	piDisconnect      Param = 17
	piOptions         Param = 19
	piRequirements    Param = 20
	piTSDUSize        Param = 21
	piVersion         Param = 22
	piSerial          Param = 23
	piPrepare         Param = 24
	piEnclosure       Param = 25
	piTokenSetting    Param = 26
	piResyncType      Param = 27
	piActivity        Param = 41
	piSerialNumber    Param = 42
	piUserData        Param = 46 // MIA only
	piReflect         Param = 49
	piReason          Param = 50
	piCallingSelector Param = 51
	piCalledSelector  Param = 52 // called in CN, responding in AC
	piSecondResync    Param = 53
	piSecondSerial    Param = 54
	piSecondInitial   Param = 55
	piUpperLimit      Param = 56
	piLargeSerial     Param = 57
	piLargeSecond     Param = 58
	piOverflow        Param = 60
	numParams               = 256
	maxSelector             = 16
	maxReference            = 64
	maxAdditional           = 4
	maxSerialDigits         = 6
	maxSerial               = 999999
	maxLargeSerial          = 64  // ours: X.225's encoding of PI 57 and 58 was not seen, so they pass as octets
	shortLI                 = 254 // largest length of a one-octet LI, x225 2.1
	maxLI                   = 65535
)

var paramNames = [numParams]string{
	pgiConnectionID: "connection identifier", pgiConnectAccept: "connect/accept item", pgiLinking: "linking information",
	pgiUserData: "user data", pgiExtended: "extended user data",
	piCalledRef: "called SS-user reference", piCallingRef: "calling SS-user reference", piCommonRef: "common reference",
	piAdditionalRef: "additional reference information", piSyncType: "sync type item", piToken: "token item",
	piDisconnect: "transport disconnect", piOptions: "protocol options", piRequirements: "session user requirements",
	piTSDUSize: "TSDU maximum size", piVersion: "version number", piSerial: "initial serial number",
	piPrepare: "prepare type", piEnclosure: "enclosure item", piTokenSetting: "token setting item",
	piResyncType: "resync type", piActivity: "activity identifier", piSerialNumber: "serial number",
	piUserData: "user data", piReflect: "reflect parameter values", piReason: "reason code",
	piCallingSelector: "calling session selector", piCalledSelector: "called or responding session selector",
	piSecondResync: "second resync type", piSecondSerial: "second serial number",
	piSecondInitial: "second initial serial number", piUpperLimit: "upper limit serial number",
	piLargeSerial: "large initial serial number", piLargeSecond: "large second initial serial number",
	piOverflow: "data overflow",
}

func (p Param) group() bool {
	switch p {
	case pgiConnectionID, pgiConnectAccept, pgiLinking, pgiUserData, pgiExtended:
		return true
	}
	return false
}

// known tells whether X.225 defines the code at all.
func (p Param) known() bool { return paramNames[p] != "" }

func (p Param) String() string {
	kind, name := "PI", paramNames[p]
	if p.group() {
		kind = "PGI"
	}
	if name == "" {
		return fmt.Sprintf("%s %d", kind, uint8(p))
	}
	return fmt.Sprintf("%s %d (%s)", kind, uint8(p), name)
}
