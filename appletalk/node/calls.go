package node

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/nbp"
)

// Call is something that a node asks others, on a socket of its own. Its kinds are Lookup, Register, List, NetInfo, Echo and Routes.
type Call interface {
	// Err is how the call has ended, when it has.
	Err() error

	base() *call
	begin(m *Machine, now time.Time, out *link.Output) error
	datagram(m *Machine, now time.Time, d *ddp.Datagram, out *link.Output)
	tick(m *Machine, now time.Time, out *link.Output)
}

// call is what all calls have.
type call struct {
	socket uint8
	at     time.Time // when tick is due
	done   bool
	err    error
}

func (c *call) base() *call { return c }
func (c *call) Err() error  { return c.err }

// end says that the call is over.
func (c *call) end(err error) { c.done, c.err, c.at = true, err, time.Time{} }

// Start begins a call. When it is over it is among Done.
func (m *Machine) Start(now time.Time, c Call, out *link.Output) error {
	if m.state != Ready {
		return ErrNotReady
	}
	if len(m.calls) == maxCalls {
		return fmt.Errorf("node: call: there are %d", maxCalls)
	}
	socket, err := m.free()
	if err != nil {
		return err
	}
	c.base().socket = socket
	m.calls = append(m.calls, c)
	if err := c.begin(m, now, out); err != nil {
		m.Cancel(c)
		return err
	}
	m.settle()
	return nil
}

// Cancel ends a call; it will not be among Done.
func (m *Machine) Cancel(c Call) {
	m.calls = slices.DeleteFunc(m.calls, func(o Call) bool { return o == c })
	m.done = slices.DeleteFunc(m.done, func(o Call) bool { return o == c })
}

// settle puts aside the calls that are over.
func (m *Machine) settle() {
	m.calls = slices.DeleteFunc(m.calls, func(c Call) bool {
		if c.base().done {
			m.done = append(m.done, c)
		}
		return c.base().done
	})
}

// Done are the calls that have ended since the last time.
func (m *Machine) Done() []Call {
	done := m.done
	m.done = nil
	return done
}

// Inbox are the datagrams for the user's sockets since the last time.
func (m *Machine) Inbox() []ddp.Datagram {
	inbox := m.inbox
	m.inbox = nil
	return inbox
}

// free is a dynamic socket that nobody has.
func (m *Machine) free() (uint8, error) {
	const count = ddp.LastSocket - ddp.FirstDynamic + 1
	first := m.rng.IntN(count)
	for i := range count {
		if s := uint8(ddp.FirstDynamic + (first+i)%count); !m.taken(s) {
			return s, nil
		}
	}
	return 0, errors.New("node: no socket is free")
}

func (m *Machine) taken(socket uint8) bool {
	return slices.Contains(m.sockets, socket) || slices.ContainsFunc(m.calls, func(c Call) bool { return c.base().socket == socket })
}

// Open gives the user a socket: the one with the number, or a dynamic one if that is 0. Those of RTMP, NBP, AEP and ZIP are the
// node's own.
func (m *Machine) Open(socket uint8) (uint8, error) {
	if len(m.sockets) == maxSockets {
		return 0, fmt.Errorf("node: open socket: there are %d", maxSockets)
	}
	if socket == 0 {
		s, err := m.free()
		if err != nil {
			return 0, err
		}
		socket = s
	}
	switch {
	case socket > ddp.LastSocket, socket == ddp.SocketRTMP, socket == ddp.SocketNBP, socket == ddp.SocketAEP, socket == ddp.SocketZIP, m.taken(socket):
		return 0, fmt.Errorf("node: open socket: %d is not free", socket)
	}
	m.sockets = append(m.sockets, socket)
	return socket, nil
}

// Shut gives a socket back.
func (m *Machine) Shut(socket uint8) {
	m.sockets = slices.DeleteFunc(m.sockets, func(s uint8) bool { return s == socket })
}

// Unregister takes a name away.
func (m *Machine) Unregister(e nbp.Entity) { m.names.Remove(e) }

// Status is a node at a moment.
type Status struct {
	State  State
	Addr   ddp.Addr
	Cable  ddp.Cable
	Zone   string // MacRoman octets; "*" if there is none
	Taken  int    // addresses that others had
	Router bool   // one is known
}

// Snapshot is the node's status.
func (m *Machine) Snapshot() Status {
	return Status{State: m.state, Addr: m.Addr(), Cable: m.cable, Zone: m.zone, Taken: m.Taken(), Router: m.cable.Router.Node != 0}
}
