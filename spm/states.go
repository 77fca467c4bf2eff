package spm

// State is a state of the machine, under the number that the standard gives it (x225 4.1). The numbers 07, 12 to 14 and 17
// do not exist.
type State uint8

// The 32 states.
const (
	sta01  State = iota // idle, no transport connection
	sta01A              // wait for ABORT ACCEPT
	sta01B              // wait for T-CONNECT confirm
	sta01C              // idle, transport connected
	sta01D              // wait for CONNECT DATA OVERFLOW
	sta02A              // wait for ACCEPT
	sta02B              // wait for OVERFLOW ACCEPT
	sta03               // wait for DISCONNECT
	sta04A              // wait for MAJOR SYNC ACK or PREPARE(MAA)
	sta04B              // wait for ACTIVITY END ACK or PREPARE(MAA)
	sta05A              // wait for RESYNCHRONIZE ACK or PREPARE(RA)
	sta05B              // wait for ACTIVITY INTERRUPT ACK or PREPARE(RA)
	sta05C              // wait for ACTIVITY DISCARD ACK or PREPARE(RA)
	sta06               // wait for RESYNCHRONIZE, after PREPARE(RS) met an own resync
	sta08               // wait for S-CONNECT response
	sta09               // wait for S-RELEASE response
	sta10A              // wait for S-SYNC-MAJOR response
	sta10B              // wait for S-ACTIVITY-END response
	sta11A              // wait for S-RESYNCHRONIZE response
	sta11B              // wait for S-ACTIVITY-INTERRUPT response
	sta11C              // wait for S-ACTIVITY-DISCARD response
	sta15A              // after PREPARE(MAA): wait for MAA or AEA
	sta15B              // after PREPARE(RS): wait for RS, AI or AD
	sta15C              // after PREPARE(RA): wait for RA, AIA or ADA
	sta15D              // after PREPARE(AB): wait for AB
	sta16               // wait for T-DISCONNECT indication
	sta18               // wait for GIVE TOKENS ACK
	sta19               // wait for recovery: this user reported the exception
	sta20               // wait for recovery: this user was told of the exception
	sta21               // wait for CAPABILITY DATA ACK
	sta22               // wait for S-CAPABILITY-DATA response
	sta713              // data transfer
	numStates

	stay State = 255 // as a row's next state: no change
)

// The states that a driver asks for.
const (
	Idle               = sta01
	Connected          = sta01C // the transport is, the session not
	WaitAccept         = sta02A
	WaitOverflow       = sta01D
	WaitOverflowAccept = sta02B
	Connecting         = sta08 // the S-CONNECT response is outstanding
	DataTransfer       = sta713
	Releasing          = sta03  // own S-RELEASE request is outstanding
	Released           = sta09  // the peer's S-RELEASE is to be answered
	Synchronizing      = sta10A // the peer's S-SYNC-MAJOR is to be answered
	Withdrawing        = sta15B // PREPARE(RS) was received: the RS, AI or AD to come makes void what was sent before
	Aborting           = sta15D // PREPARE(AB) was received
	Leaving            = sta16  // wait for T-DISCONNECT
)

var stateNames = [numStates]string{
	"01", "01A", "01B", "01C", "01D", "02A", "02B", "03", "04A", "04B", "05A", "05B", "05C", "06", "08", "09",
	"10A", "10B", "11A", "11B", "11C", "15A", "15B", "15C", "15D", "16", "18", "19", "20", "21", "22", "713",
}

func (s State) String() string {
	if s < numStates {
		return stateNames[s]
	}
	if s == stay {
		return "stay"
	}
	return "?"
}

// A stateSet is the states column of a row.
type stateSet uint32

func in(states ...State) (set stateSet) {
	for _, s := range states {
		set |= 1 << s
	}
	return set
}

func (set stateSet) has(s State) bool { return set&(1<<s) != 0 }
