// Package asp is the AppleTalk Session Protocol (Inside AppleTalk, second edition, chapter 11): the sessions in which workstations ask file servers
// and the like, as the machines of both sides. They stand on transactions of package atp.
//
//	c := asp.NewClient(server, wss, tid)
//	c.Open(now)                                      // then Handle for each packet, Tick at Next, Drain for what is to be sent
//	call, err := c.Command(now, block, 512)          // is among Done when it has been answered
//
//	s := asp.NewServer(cfg, tid)
//	for _, e := range s.Events() { … s.Reply(now, e.Request, 0, data) }
//
// # Limitations
//
// A session has at most 256 others beside it at a listening socket: its identifier has one octet.
package asp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/atp"
)

// Version is that of sessions.
const Version = 0x0100

// Sizes in octets.
const (
	MaxCommand = atp.MaxData                    // of a command block: MaxCmdSize
	Quantum    = atp.MaxResponses * atp.MaxData // of a reply, and of written data: QuantumSize
	MaxStatus  = Quantum
)

// Times. IA2 ch. 11
const (
	TickleTime  = 30 * time.Second // between tickles, both ways
	SessionTime = 2 * time.Minute  // of silence, after which a session is over
	retryTime   = 2 * time.Second  // between the tries of a transaction
	closeTries  = 5
	openTries   = 5
)

// Function is the first user octet of a request.
type Function uint8

// The functions. IA2 ch. 11
const (
	CloseSess     Function = 1
	Command       Function = 2
	GetStatus     Function = 3
	OpenSess      Function = 4
	Tickle        Function = 5
	Write         Function = 6
	WriteContinue Function = 7
	Attention     Function = 8
)

var functionNames = [...]string{"", "CloseSess", "Command", "GetStatus", "OpenSess", "Tickle", "Write", "WriteContinue", "Attention"}

func (f Function) String() string {
	if f >= CloseSess && f <= Attention {
		return functionNames[f]
	}
	return fmt.Sprintf("function %d", uint8(f))
}

// Error is an error with its number in the book. IA2 appendix C
type Error int16

// The errors.
const (
	ErrVersion    Error = -1066
	ErrBuffer     Error = -1067
	ErrParameter  Error = -1070
	ErrBusy       Error = -1071
	ErrSessClosed Error = -1072
	ErrSize       Error = -1073
	ErrNoAck      Error = -1075
)

var errorTexts = map[Error]string{
	ErrVersion:    "the server has another version of the protocol",
	ErrBuffer:     "the reply is larger than the room for it",
	ErrParameter:  "a parameter is wrong",
	ErrBusy:       "the server takes no more sessions",
	ErrSessClosed: "the session is closed",
	ErrSize:       "too many octets",
	ErrNoAck:      "the workstation does not answer",
}

func (e Error) Error() string { return "asp: " + errorTexts[e] }

// ErrNoServer is the error of an opening that nobody has answered.
var ErrNoServer = errors.New("asp: open: no answer")

// user is the four octets of a request: the function, the session, and 16 bits.
func user(f Function, session uint8, arg uint16) [4]byte {
	return [4]byte{byte(f), session, byte(arg >> 8), byte(arg)}
}

// arg is the last two of the four.
func arg(u [4]byte) uint16 { return binary.BigEndian.Uint16(u[2:]) }

// split makes the parts of a response of octets: one at least. result is in the first.
func split(result uint32, b []byte) (parts []atp.Part) {
	first := atp.Part{}
	binary.BigEndian.PutUint32(first.User[:], result)
	for {
		n := min(len(b), atp.MaxData)
		first.Data = b[:n]
		parts = append(parts, first)
		if b = b[n:]; len(b) == 0 || len(parts) == atp.MaxResponses {
			return parts
		}
		first = atp.Part{}
	}
}

// join puts the parts of a response together.
func join(parts []atp.Part) (b []byte) {
	for _, p := range parts {
		b = append(b, p.Data...)
	}
	return b
}

// packets is how many packets to ask for so that size octets have room, and one that is more is noticed. IA2 ch. 11
func packets(size int) int {
	return min(size/atp.MaxData+1, atp.MaxResponses)
}
