// Package transport is the transport service as X.225 sees it: a connection between two session protocol machines that
// carries transport service data units (TSDUs) on a normal and, where there is one, an expedited flow.
//
// A bridge's stream and an RFC 1006 connection both are a [Conn]; the session layer above knows nothing else of what lies
// below. TSDUs pass through in parts, so that one of any size costs no more memory than the flow-control window.
//
// # Cancellation
//
// A call that may wait takes a [Cancel] and gives up when its Err is not nil. It asks when it begins to wait and again after
// each [Conn.Wake], and at no other time: who makes a Cancel's Err change calls Wake. A context.Context is a Cancel.
//
// # Limitations
//
// The service has no quality-of-service parameters; T-CONNECT and its confirmation are over when a Conn exists.
package transport

import (
	"errors"
	"fmt"
	"net"
	"time"
)

// MaxExpedited is the size of the largest expedited TSDU in octets. X.214 gives it to T-EXPEDITED-DATA.
const MaxExpedited = 16

// MaxNoWait is the most that [NoWait] may add to a normal flow beyond its window, in octets.
const MaxNoWait = 128 << 10

// Cancel says whether a waiting call should give up: nil while it should not, else the error that the call returns. It must
// be safe for concurrent use. Never is the Cancel that never gives up.
type Cancel interface{ Err() error }

type never struct{}

func (never) Err() error { return nil }

// Never is the Cancel of a call that waits as long as the connection lives.
var Never Cancel = never{}

// SendFlag modifies [Conn.Send].
type SendFlag uint8

const (
	// End says that b ends with the last octet of the TSDU.
	End SendFlag = 1 << iota

	// Gather (always with End) says that b's octets may be cut into several TSDUs, each beginning with head, and that they
	// may be added to the TSDU before them if that was sent with Gather and the same head and has not left yet.
	Gather

	// NoWait sends a whole TSDU (always with End) of at most MaxNoWait octets past flow control. It is for the SPDUs of a
	// machine that answers its peer, which have no caller that could wait.
	NoWait
)

// Conn is one transport connection.
//
// Send has one caller at a time, as has Receive; the two and all other methods may be called at the same time. Only Send, Drain,
// SendExpedited and Receive wait, and only for flow control or for the peer.
type Conn interface {
	// Send submits head and then b as the next octets of the normal flow's TSDU, and returns how many octets of b were
	// accepted; head counts with the first of them (with an empty b, n is 0 and a nil error says that head was accepted).
	// Data accepted are sent without further calls. When it gives up, the octets accepted stay accepted: without Gather
	// the TSDU stays open, and the next Send, with an empty head, goes on with it.
	//
	// Send returns ErrExpedited, at its start or while it waits, if an expedited TSDU is there to be received: the caller
	// takes it with ReceiveExpedited and sends the rest. With NoWait it never does.
	Send(c Cancel, head, b []byte, f SendFlag) (n int, err error)

	// SendExpedited submits an expedited TSDU of 1 to MaxExpedited octets. A TSDU submitted after it is never delivered
	// before it; it may overtake those submitted before.
	SendExpedited(c Cancel, b []byte) error

	// Receive reads the next octets of the normal flow into b and tells whether they end a TSDU. It waits until there is
	// at least one octet or an end: n may be 0 with end. Octets of two TSDUs never come from one call.
	// It returns ErrExpedited, before any octets, if an expedited TSDU is there to be received, and ErrPurged, once, where the
	// rest of a TSDU of which octets were received was purged; the next octets begin another TSDU. After the peer's
	// disconnect it first delivers what arrived before it, and then the *DisconnectError.
	Receive(c Cancel, b []byte) (n int, end bool, err error)

	// ReceiveExpedited takes the next expedited TSDU, without waiting: ok tells whether there was one. b has room for
	// MaxExpedited octets.
	ReceiveExpedited(b []byte) (n int, ok bool)

	// Purge withdraws what Send accepted and the peer has not received: what has not been sent never will be, what is
	// unacknowledged is not sent again. A TSDU cut by it ends with ErrPurged at the receiver, and the next Send begins a new one.
	// Expedited TSDUs are not touched. It is a promise of effort: a transport that cannot withdraw does nothing. One whose protocol has
	// no word for a cut says what it does in its place; no torn TSDU passes for a whole one unless an expedited TSDU between the
	// Purge and the next Send has told the peer.
	Purge()

	// Position tells how far Send has come, and how far has gone what Purge no longer withdraws: both only grow, in units of the
	// connection's own.
	Position() (sent, settled uint64)

	// Disconnect is the T-DISCONNECT request: it ends the connection both ways and discards what is in flight. Pending
	// and later calls here return net.ErrClosed; the peer gets a *DisconnectError with this reason, or with ReasonNormal where
	// the transport's protocol cannot tell it. It never waits. On a connection that has ended it does nothing.
	Disconnect(Reason)

	// DisconnectAfter says that the user is done but what was sent should still arrive: what comes in from now on is dropped,
	// calls return net.ErrClosed, and the connection ends when the peer disconnects, or by itself when d has passed since
	// all that was sent has arrived.
	DisconnectAfter(d time.Duration)

	// Drain waits until all that Send accepted has arrived at the peer's transport. It counts as a Send: one caller at a time.
	Drain(c Cancel) error

	// Notify makes f run whenever Receive or ReceiveExpedited may have something to return, and once at once. f runs in a
	// goroutine that is not the caller's, must not wait, and may be called again while it runs. Nil ends that.
	Notify(f func())

	// Wake makes all waiting calls ask their Cancel again. It never waits.
	Wake()

	// HasExpedited tells whether the connection has an expedited flow. It does not change.
	HasExpedited() bool

	// LocalAddr and RemoteAddr name the two ends. They do not change, whatever the connection is carried by.
	LocalAddr() net.Addr
	RemoteAddr() net.Addr
}

// ErrExpedited is returned by Send and Receive while an expedited TSDU is there to be received.
var ErrExpedited = errors.New("transport: an expedited TSDU is waiting")

// ErrPurged is returned by Receive in place of the rest of a TSDU that its sender has purged.
var ErrPurged = errors.New("transport: the rest of the TSDU was purged by its sender")

// Reason says why a transport connection was disconnected.
type Reason uint8

const (
	ReasonNormal      Reason = iota // the session layer is done with the connection
	ReasonNoListener                // nobody listens for connections at the peer
	ReasonCongestion                // a limit on connections or memory was reached
	ReasonProtocol                  // the peer broke the transport's protocol
	ReasonExpired                   // the connection could not be carried within the recovery window
	ReasonUnknown                   // the peer does not know the connection: it was restarted, or its retention has passed
	ReasonShutdown                  // the endpoint is closing
	ReasonNotAdmitted               // the peer does not admit this endpoint's key
)

var reasonNames = [...]string{"normal", "no listener", "congestion", "protocol error", "expired", "unknown to the peer", "shutdown", "key not admitted"}

func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return fmt.Sprintf("reason %d", uint8(r))
}

// DisconnectError is the T-DISCONNECT indication.
type DisconnectError struct {
	Reason Reason
	Remote bool  // the peer asked for it; otherwise the provider here
	Err    error // what led to it, if that is known
}

func (e *DisconnectError) Error() string {
	by := "provider"
	if e.Remote {
		by = "peer"
	}
	if e.Err != nil {
		return fmt.Sprintf("transport: disconnected by %s: %v: %v", by, e.Reason, e.Err)
	}
	return fmt.Sprintf("transport: disconnected by %s: %v", by, e.Reason)
}

func (e *DisconnectError) Unwrap() error { return e.Err }
