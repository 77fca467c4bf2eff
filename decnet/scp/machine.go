// Package scp is DECnet's session control: links between objects of two nodes, which are found by number or name. An object that is
// called may look at who calls, with which access control and which data, before it accepts or rejects; both ends may say up to 16 octets
// with each of connect, accept, reject and disconnect.
//
// [Machine] is session control for a node, and pure; it is made around the machine of package nsp. [Conn] is a link as a net.Conn.
//
//	c, err := node.Dial(ctx, "1.13::MIRROR", nil) // package node
//	err = c.Send(ctx, message)
//	message, err := c.Receive(ctx)
//
// # Cancellation
//
// A context ends the call, not the link. A message that was cut short by that ends where it was cut.
//
// # Limitations
//
// A link has no half-close: who disconnects does not hear what comes after. Proxies are said, and told to whoever lets users in, but there is no
// table of them here.
package scp

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tenuto-session/tenuto/decnet"
	"github.com/tenuto-session/tenuto/decnet/nsp"
)

// Config says how patient session control is. A zero field has the value that its comment gives.
type Config struct {
	Incoming time.Duration // for an object to accept or reject: 45 s
	Outgoing time.Duration // for the peer to do so: 60 s
	Backlog  int           // links that wait for one object: 128
	Linger   time.Duration // for a link that is disconnected and forgotten to come to its end, before it is aborted: 5 s
}

func (c Config) withDefaults() Config {
	if c.Incoming <= 0 {
		c.Incoming = 45 * time.Second
	}
	if c.Outgoing <= 0 {
		c.Outgoing = 60 * time.Second
	}
	if c.Backlog <= 0 {
		c.Backlog = 128
	}
	if c.Linger <= 0 {
		c.Linger = 5 * time.Second
	}
	return c
}

// State is that of a link for its user. (decnet 1.6)
//
//	Connecting -------- accepted --------> Run <--- confirmed --- Confirming <--- Accept --- Received
//	     |                                  | Disconnect, Abort                                 | Reject
//	     |                                  v                                                   v
//	     |                            Disconnecting                                         Rejecting
//	     v                                  v                                                   v
//	   Closed <---------- the peer's end of it, a lost peer, or the answer to ours ------------'
type State uint8

// States.
const (
	Connecting State = iota
	Received
	Confirming
	Run
	Disconnecting
	Rejecting
	Closed
)

var stateNames = [...]string{"connecting", "connect received", "confirming", "run", "disconnecting", "rejecting", "closed"}

func (s State) String() string { return stateNames[s] }

// Link is one end of a link.
type Link struct {
	State   State
	Port    *nsp.Port
	Peer    decnet.Addr
	Caller  bool    // this end has asked for it
	Connect Connect // what was said when it was asked for
	Accept  []byte  // what the peer said when it accepted
	Reason  Reason  // why it is closed
	Data    []byte  // what the peer said when it rejected or disconnected
	Local   bool    // Reason was found out here, and not said by the peer
	Owner   any     // the user's

	object  *Object
	forgot  bool // nobody wants to hear of it any more
	started time.Time
}

// Object is what may be called.
type Object struct {
	Descriptor Descriptor
	Owner      any // the user's

	waiting int
}

// ErrExists is the error of Register for what is there already.
var ErrExists = errors.New("the object is there already")

// Machine is session control of a node.
//
//	getters    NSP Lookup
//	commands   Register Unregister Connect Accept Reject Disconnect Abort Forget
//	handlers   that of NSP; then NextEvent
//
// It has no lock and no clock: one caller at a time.
type Machine struct {
	NSP      *nsp.Machine
	Shutdown bool // no more links are taken

	cfg      Config
	byNumber map[uint8]*Object
	byName   map[string]*Object
}

// New makes session control around NSP.
func New(cfg Config, m *nsp.Machine) *Machine {
	return &Machine{NSP: m, cfg: cfg.withDefaults(), byNumber: map[uint8]*Object{}, byName: map[string]*Object{}}
}

// Register lets an object be called: by number, or by name in any case.
func (m *Machine) Register(o *Object) error {
	d := o.Descriptor
	if m.Lookup(d) != nil {
		return fmt.Errorf("scp: register %v: %w", d, ErrExists)
	}
	if _, err := d.append(nil, "object"); err != nil || d.Format > 1 {
		return fmt.Errorf("scp: register %v: neither a number nor a name", d)
	}
	if d.Format == 0 {
		m.byNumber[d.Object] = o
	} else {
		m.byName[strings.ToUpper(d.Name)] = o
	}
	return nil
}

// Unregister takes it away; links that it has go on.
func (m *Machine) Unregister(o *Object) {
	if d := o.Descriptor; d.Format == 0 {
		delete(m.byNumber, d.Object)
	} else {
		delete(m.byName, strings.ToUpper(d.Name))
	}
}

// Lookup finds the object that a descriptor names: a number by number alone. A numbered object is also found by its known name. (decnet 1.1)
func (m *Machine) Lookup(d Descriptor) *Object {
	if d.Format == 0 {
		return m.byNumber[d.Object]
	}
	name := strings.ToUpper(d.Name)
	if o := m.byName[name]; o != nil {
		return o
	}
	return m.byNumber[objectNumbers[name]]
}

// ErrNoLinks is the error of Connect when there are as many links as there may be.
var ErrNoLinks = errors.New("scp: connect: no links are left")

// Connect asks for a link.
func (m *Machine) Connect(now time.Time, to decnet.Addr, c Connect, o nsp.Options) (*Link, error) {
	b, err := c.AppendBinary(nil)
	if err != nil {
		return nil, err
	}
	p := m.NSP.Connect(now, to, b, o)
	if p == nil {
		return nil, ErrNoLinks
	}
	l := &Link{State: Connecting, Port: p, Peer: to, Caller: true, Connect: c, started: now}
	p.Owner = l
	m.NSP.SetTimer(p, now.Add(m.cfg.Outgoing))
	return l, nil
}

// Accept accepts a link that was received; false says that it is not there to be accepted any more.
func (m *Machine) Accept(now time.Time, l *Link, data []byte, o nsp.Options) bool {
	if l.State != Received || l.Port.State != nsp.StateCR {
		return false
	}
	m.decided(now, l, Confirming)
	m.NSP.Accept(now, l.Port, data, o)
	return true
}

// Reject refuses one; false as for Accept.
func (m *Machine) Reject(now time.Time, l *Link, r Reason, data []byte) bool {
	if l.State != Received || l.Port.State != nsp.StateCR {
		return false
	}
	if !r.Sayable() {
		panic("BUG: scp: Reject with " + r.String())
	}
	m.decided(now, l, Rejecting)
	l.Reason, l.Local = r, true
	m.NSP.Reject(now, l.Port, uint16(r), data)
	return true
}

func (m *Machine) decided(now time.Time, l *Link, to State) {
	l.State = to
	if l.object != nil {
		l.object.waiting--
		l.object = nil
	}
	m.NSP.SetTimer(l.Port, time.Time{})
}

// Disconnect ends a link when all that was written has arrived; false says that it does not run.
func (m *Machine) Disconnect(now time.Time, l *Link, data []byte) bool {
	if s := l.Port.State; l.State != Run && l.State != Confirming || s != nsp.StateRUN && s != nsp.StateCC {
		return false
	}
	l.State = Disconnecting
	m.NSP.Disconnect(now, l.Port, uint16(Normal), data)
	return true
}

// Abort ends a link at once, also one that is disconnecting; false says that it does not run.
func (m *Machine) Abort(now time.Time, l *Link, r Reason, data []byte) bool {
	if s := l.Port.State; s != nsp.StateRUN && s != nsp.StateCC || l.State == Closed {
		return false
	}
	if !r.Sayable() {
		panic("BUG: scp: Abort with " + r.String())
	}
	l.State, l.Reason, l.Local = Disconnecting, r, true
	m.NSP.Abort(now, l.Port, uint16(r), data)
	return true
}

// Forget says that the user wants to hear of the link no more. One that is not over is brought to its end: rejected, aborted or left alone;
// one that is disconnecting goes on with that for some time.
func (m *Machine) Forget(now time.Time, l *Link) {
	l.forgot = true
	switch l.State {
	case Received:
		m.Reject(now, l, NoAnswer, nil)
	case Confirming, Run:
		m.Abort(now, l, Aborted, nil)
	case Disconnecting:
		m.NSP.SetTimer(l.Port, now.Add(m.cfg.Linger))
	case Connecting: // the peer's address may not be known: nothing can be said
		m.NSP.Release(l.Port)
		l.State = Closed
	case Closed:
		m.NSP.Release(l.Port)
	}
}
