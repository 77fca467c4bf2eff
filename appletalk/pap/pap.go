// Package pap is the Printer Access Protocol (Inside AppleTalk, second edition, chapter 10): connections between workstations and printers, as the
// machines of their ends and of a printer's listening socket. They stand on transactions of package atp.
//
//	c := pap.Connect(now, printer, socket, id, tid)   // then Handle for each packet, Tick at Next, Drain for what is to be sent
//	n := c.Write(now, job, true)                   // the end of a job, if all of it is taken
//	n, eof := c.Read(now, b)
//
// Both ends are alike once a connection is open: who wants to read asks the other for data, and who has some answers.
package pap

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/atp"
)

// Sizes.
const (
	PacketSize = 512              // octets of data in a packet
	Quantum    = atp.MaxResponses // packets that are asked for at a time
	MaxStatus  = 255              // octets of a status
)

// Times. IA2 ch. 10
const (
	TickleTime  = time.Minute
	ConnTime    = 2 * time.Minute  // of silence, after which a connection is over
	askTime     = 15 * time.Second // between the tries to read
	retryTime   = 2 * time.Second  // between the tries of other transactions
	busyTime    = 2 * time.Second  // before a printer that is busy is asked again
	ArbiterTime = 2 * time.Second  // in which a printer that gets free looks who has waited longest
	tries       = 5
)

// Function is the second user octet.
type Function uint8

// The functions. IA2 ch. 10
const (
	OpenConn       Function = 1
	OpenConnReply  Function = 2
	SendData       Function = 3
	Data           Function = 4
	Tickle         Function = 5
	CloseConn      Function = 6
	CloseConnReply Function = 7
	SendStatus     Function = 8
	Status         Function = 9
)

var functionNames = [...]string{"", "OpenConn", "OpenConnReply", "SendData", "Data", "Tickle", "CloseConn", "CloseConnReply", "SendStatus", "Status"}

func (f Function) String() string {
	if f >= OpenConn && f <= Status {
		return functionNames[f]
	}
	return fmt.Sprintf("function %d", uint8(f))
}

// user is the four octets: the connection, the function, and 16 bits.
func user(conn uint8, f Function, arg uint16) [4]byte {
	return [4]byte{conn, byte(f), byte(arg >> 8), byte(arg)}
}

func arg(u [4]byte) uint16 { return binary.BigEndian.Uint16(u[2:]) }

// open is the data of OpenConn.
type open struct {
	socket  uint8
	quantum uint8
	waiting uint16 // seconds that the workstation has waited
}

func parseOpen(b []byte) (o open, err error) {
	// socket, flow quantum, wait time
	if len(b) < 4 {
		return o, fmt.Errorf("pap: parse OpenConn: %d octets are less than 4", len(b))
	}
	o = open{b[0], b[1], binary.BigEndian.Uint16(b[2:])}
	if o.socket == 0 || o.socket == 255 || o.quantum == 0 {
		return o, fmt.Errorf("pap: parse OpenConn: socket %d, flow quantum %d", o.socket, o.quantum)
	}
	o.quantum = min(o.quantum, Quantum)
	return o, nil
}

func (o open) append(b []byte) []byte {
	return binary.BigEndian.AppendUint16(append(b, o.socket, o.quantum), o.waiting)
}

// reply is the data of OpenConnReply.
type reply struct {
	socket  uint8
	quantum uint8
	busy    bool
	status  string // as it is sent: MacRoman
}

const busyResult = 0xFFFF

func parseReply(b []byte) (r reply, err error) {
	// socket, flow quantum, result, status length, status
	if len(b) < 4 {
		return r, fmt.Errorf("pap: parse OpenConnReply: %d octets are less than 4", len(b))
	}
	r.socket, r.quantum, r.busy = b[0], b[1], binary.BigEndian.Uint16(b[2:]) != 0
	if r.status, err = cutStatus(b[4:]); err != nil {
		return r, err
	}
	if !r.busy && (r.socket == 0 || r.socket == 255 || r.quantum == 0) {
		return r, fmt.Errorf("pap: parse OpenConnReply: socket %d, flow quantum %d", r.socket, r.quantum)
	}
	r.quantum = min(r.quantum, Quantum)
	return r, nil
}

func (r reply) append(b []byte) []byte {
	result := uint16(0)
	if r.busy {
		result = busyResult
	}
	b = binary.BigEndian.AppendUint16(append(b, r.socket, r.quantum), result)
	return appendStatus(b, r.status)
}

// cutStatus takes a status, which may be missing.
func cutStatus(b []byte) (string, error) {
	if len(b) == 0 {
		return "", nil
	}
	if n := int(b[0]); n > len(b)-1 {
		return "", fmt.Errorf("pap: parse status: %d octets, of which %d are there", n, len(b)-1)
	}
	return string(b[1 : 1+int(b[0])]), nil
}

func appendStatus(b []byte, status string) []byte {
	return append(append(b, byte(len(status))), status...)
}

// ParseStatus reads the answer to SendStatus.
func ParseStatus(p atp.Part) (string, error) {
	// 4 octets that are not used, status length, status
	if Function(p.User[1]) != Status || len(p.Data) < 4 {
		return "", fmt.Errorf("pap: parse status: %v of %d octets", Function(p.User[1]), len(p.Data))
	}
	return cutStatus(p.Data[4:])
}

// StatusRequest is the request for a printer's status.
func StatusRequest() [4]byte { return user(0, SendStatus, 0) }
