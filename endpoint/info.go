package endpoint

import (
	"crypto/ed25519"
	"time"

	"github.com/tenuto-session/tenuto/bridge"
)

// State tells whether a bridge has a carrier.
type State uint8

const (
	StateAttached State = iota // it has one
	StateDetached              // it has lost it, and wants another
	StateParked                // it wants none for now
)

func (s State) String() string { return [...]string{"attached", "detached", "parked"}[s] }

// Info is what can be told of a bridge.
type Info struct {
	ID        bridge.ID
	Initiator bool // this end makes the carriers
	Peer      ed25519.PublicKey
	Remote    string
	State     State
	Since     time.Time // of the state
	Carrier   Carrier   // the current one
	Streams   int
	Sent      int64 // octets written to carriers
	Received  int64 // octets read from carriers
	Resumes   int
	Cause     error // why the last carrier was lost; nil if it was given up on purpose
	Epoch     uint64
}

// Carrier is what can be told of a carrier.
type Carrier struct {
	Kind          string // the scheme of its URL
	Local, Remote string
	RTT           time.Duration // smoothed round trip; 0 before one was measured
}

// Info tells about the bridge as it is now.
func (br *Bridge) Info() Info {
	br.mu.Lock()
	defer br.mu.Unlock()
	i := Info{ID: br.ID(), Initiator: br.role == bridge.InitiatorRole, Peer: br.Peer(), Remote: br.remote.name, State: StateDetached,
		Since: br.lostAt, Streams: br.streams.n, Sent: br.sent, Received: br.received, Resumes: br.resumes, Cause: br.lastErr,
		Epoch: br.m.Keys.Epoch}
	if l := br.link; l != nil {
		i.State, i.Since = StateAttached, l.since
		i.Carrier = Carrier{br.url.Scheme, l.conn.LocalAddr().String(), l.conn.RemoteAddr().String(), br.m.RTT()}
	} else if br.m.Parked {
		i.State = StateParked
	}
	return i
}
