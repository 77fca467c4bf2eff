package tenuto

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/tenuto-session/tenuto/spdu"
	"github.com/tenuto-session/tenuto/spm"
)

// Errors of sessions. errors.Is works with them.
var (
	// ErrClosed is returned after Conn.Close. It is a net.ErrClosed.
	ErrClosed = fmt.Errorf("tenuto: session closed: %w", net.ErrClosed)
	// ErrReleased is returned by what can no longer be done because the session, or this side's sending, was released.
	ErrReleased = errors.New("tenuto: session released")
	// ErrNotConn is returned by a Conn whose session cannot be one: it has other functional units than Duplex or HalfDuplex.
	ErrNotConn = errors.New("tenuto: session has other functional units than duplex or half-duplex, and cannot be a stream")
	// ErrPurged is returned by a call that was sending when a resynchronization, interrupt or discard withdrew what was sent, and by the next
	// SendPart of an SSDU that was cut so.
	ErrPurged = errors.New("tenuto: withdrawn by a resynchronization, or the interrupt or discard of an activity")
	// ErrUnfinished is returned by requests while an SSDU is open that SendPart began or that a cancelled Send left so.
	ErrUnfinished = errors.New("tenuto: an SSDU is unfinished")
	// ErrNotAdmitted is returned by Dial when the responder does not admit this endpoint's key, or not to the service.
	ErrNotAdmitted = errors.New("this endpoint's key is not admitted")
)

var (
	errLook = errors.New("tenuto: look again")
	errNow  = errors.New("tenuto: nothing there")
)

// NotAllowedError says that a request is not allowed now, and that nothing has changed.
type NotAllowedError struct {
	Request string   // such as "S-SYNC-MINOR request"
	Lacks   []string // what is missing: a functional unit, a token, an activity
	Err     error    // the machine's error, a *spm.InvalidError, which names the state
}

func (e *NotAllowedError) Error() string {
	if len(e.Lacks) == 0 {
		return fmt.Sprintf("tenuto: %s: not allowed now: %v", e.Request, e.Err)
	}
	return fmt.Sprintf("tenuto: %s: %s", e.Request, strings.Join(e.Lacks, ", "))
}

// Unwrap returns the machine's error.
func (e *NotAllowedError) Unwrap() error { return e.Err }

// requestNames are the names of requests and responses in X.215.
var requestNames = map[spm.Kind]string{
	spm.SCONreq: "S-CONNECT request", spm.SCONrspPos: "S-CONNECT response", spm.SCONrspNeg: "S-CONNECT response", spm.SDTreq: "S-DATA request",
	spm.STDreq: "S-TYPED-DATA request", spm.SEXreq: "S-EXPEDITED-DATA request", spm.SCDreq: "S-CAPABILITY-DATA request",
	spm.SCDrsp: "S-CAPABILITY-DATA response", spm.SGTreq: "S-TOKEN-GIVE request", spm.SPTreq: "S-TOKEN-PLEASE request",
	spm.SCGreq: "S-CONTROL-GIVE request", spm.SSYNmreq: "S-SYNC-MINOR request", spm.SSYNmdreq: "S-SYNC-MINOR request",
	spm.SSYNmrsp: "S-SYNC-MINOR response", spm.SSYNMreq: "S-SYNC-MAJOR request", spm.SSYNMrsp: "S-SYNC-MAJOR response",
	spm.SRSYNreqA: "S-RESYNCHRONIZE request (abandon)", spm.SRSYNreqR: "S-RESYNCHRONIZE request (restart)",
	spm.SRSYNreqS: "S-RESYNCHRONIZE request (set)", spm.SRSYNrsp: "S-RESYNCHRONIZE response", spm.SUERreq: "S-U-EXCEPTION-REPORT request",
	spm.SACTSreq: "S-ACTIVITY-START request", spm.SACTRreq: "S-ACTIVITY-RESUME request", spm.SACTIreq: "S-ACTIVITY-INTERRUPT request",
	spm.SACTIrsp: "S-ACTIVITY-INTERRUPT response", spm.SACTDreq: "S-ACTIVITY-DISCARD request", spm.SACTDrsp: "S-ACTIVITY-DISCARD response",
	spm.SACTEreq: "S-ACTIVITY-END request", spm.SACTErsp: "S-ACTIVITY-END response", spm.SRELreq: "S-RELEASE request",
	spm.SRELrspPos: "S-RELEASE response", spm.SRELrspNeg: "S-RELEASE response (negative)", spm.SUABreq: "S-U-ABORT request",
}

// Source says who aborted a session.
type Source uint8

// The sources of an abort.
const (
	User     Source = 1 + iota // S-U-ABORT
	Provider                   // S-P-ABORT
)

func (s Source) String() string {
	switch s {
	case User:
		return "user"
	case Provider:
		return "provider"
	}
	return fmt.Sprintf("source %d", uint8(s))
}

// AbortReason says why a session was aborted. X.215 S-P-ABORT
type AbortReason uint8

// The reasons of an abort.
const (
	ReasonUser          AbortReason = iota // by S-U-ABORT; the user data may say more
	ReasonTransport                        // the transport was disconnected
	ReasonProtocolError                    // an SPDU that was wrong, or wrong in its state
	ReasonUndefined
	ReasonRestriction // implementation restriction
	ReasonUnread      // Conn.Close with data that nobody will read
	ReasonUnfinished  // Conn.Close within an SSDU
	ReasonLinger      // what was sent before Conn.Close did not arrive within Config.Linger
)

var reasonNames = [...]string{"user", "transport disconnected", "protocol error", "undefined", "implementation restriction",
	"closed with unread data", "closed within an SSDU", "not arrived within the linger time"}

func (r AbortReason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return fmt.Sprintf("reason %d", uint8(r))
}

// AbortError says that a session ended by an abort, with what it had done until then.
type AbortError struct {
	By     Source
	Remote bool // by the peer's user or provider; otherwise by this side's
	Reason AbortReason
	Data   []byte // user data of S-U-ABORT

	Sent     int64 // octets of user data that the transport took; how many of them arrived is not known
	Received int64 // octets of user data that came from the transport
	Consumed int64 // octets of user data that the user took

	Err error // what led to it: a *transport.DisconnectError or a *spdu.ProtocolError, if one did
}

func (e *AbortError) Error() string {
	side := "here"
	if e.Remote {
		side = "peer"
	}
	if e.Err != nil {
		return fmt.Sprintf("tenuto: session aborted by %v (%s): %v: %s", e.By, side, e.Reason, because(e.Err))
	}
	return fmt.Sprintf("tenuto: session aborted by %v (%s): %v", e.By, side, e.Reason)
}

// Unwrap returns what led to the abort.
func (e *AbortError) Unwrap() error { return e.Err }

// RefuseReason says why S-CONNECT was refused.
type RefuseReason = spdu.RefuseReason

// The reasons of a refusal that this side gives or is most likely to get. X.225 8.3.5
const (
	RefusedByUser          = spdu.RefusedByUser
	RefusedCongestion      = spdu.RefusedCongestion // the called user has no room for now
	RefusedWithData        = spdu.RefusedWithData   // by the called user, whose data say why
	RefusedServiceUnknown  = spdu.RefusedSelectorUnknown
	RefusedServiceNotThere = spdu.RefusedNotAttached // for now
)

// RefusedError says that the peer refused S-CONNECT.
type RefusedError struct {
	Service string
	Reason  RefuseReason
	Data    []byte // user data, with RefusedWithData
	Err     error  // what speaks against the request, if this side refused it: a *spdu.ProtocolError
}

func (e *RefusedError) Error() string {
	switch {
	case e.Err != nil:
		return fmt.Sprintf("tenuto: service %q refused: %v: %s", e.Service, e.Reason, because(e.Err))
	case len(e.Data) > 0:
		return fmt.Sprintf("tenuto: service %q refused: %v: %q", e.Service, e.Reason, e.Data)
	}
	return fmt.Sprintf("tenuto: service %q refused: %v", e.Service, e.Reason)
}

// Unwrap returns what speaks against the request.
func (e *RefusedError) Unwrap() error { return e.Err }

// notAdmitted is the user data of a refusal because the initiator's key is not admitted to the service.
const notAdmitted = "this key is not admitted to the service"

// Is makes the error an ErrNotAdmitted if the peer admits this endpoint's key, but not to the service.
func (e *RefusedError) Is(target error) bool {
	return target == ErrNotAdmitted && e.Reason == RefusedWithData && string(e.Data) == notAdmitted
}

// UnfinishedError says that a Send was cancelled after N octets of its SSDU. The SSDU is open: SendPart goes on with it.
type UnfinishedError struct {
	N   int
	Err error // the context's
}

func (e *UnfinishedError) Error() string {
	return fmt.Sprintf("tenuto: SSDU unfinished after %d octets: %v", e.N, e.Err)
}

// Unwrap returns the context's error.
func (e *UnfinishedError) Unwrap() error { return e.Err }

// Is makes the error an ErrUnfinished.
func (e *UnfinishedError) Is(target error) bool { return target == ErrUnfinished }
