package node

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tenuto-session/tenuto/decnet"
	"github.com/tenuto-session/tenuto/decnet/nsp"
	"github.com/tenuto-session/tenuto/decnet/routing"
	"github.com/tenuto-session/tenuto/decnet/scp"
)

// Info is what there is to tell about a node.
type Info struct {
	Addr     decnet.Addr
	Name     string
	Started  time.Time
	Circuits []CircuitInfo
	Links    []scp.Info // by their address here
	Counters nsp.Counters
}

// CircuitInfo is what there is to tell about a circuit.
type CircuitInfo struct {
	routing.Info
	Link  string // what its link is
	Opens uint64 // how often the link came up
	Drops uint64 // packets that were lost for want of room, or while it was down
	Cause string // why the link is down; empty while it is up
}

// Info tells about the node.
func (n *Node) Info() Info {
	n.mu.Lock()
	defer n.mu.Unlock()
	i := Info{Addr: n.cfg.Addr, Name: n.cfg.Name, Started: n.started, Counters: n.session.NSP.Counters}
	for k, c := range n.circuits {
		i.Circuits = append(i.Circuits, CircuitInfo{Info: n.routing.Info(k), Link: c.Link.String(), Opens: c.opens, Drops: c.drops, Cause: c.cause})
	}
	for c := range n.conns {
		i.Links = append(i.Links, c.Info())
	}
	slices.SortFunc(i.Links, func(a, b scp.Info) int { return int(a.LocalLink) - int(b.LocalLink) })
	return i
}

// Names are the names that this node has for others and itself, sorted.
func (n *Node) Names() []string {
	var all []string
	for name := range n.names {
		all = append(all, name)
	}
	slices.SortFunc(all, strings.Compare)
	return all
}

// AwaitCircuit waits until some circuit is usable.
func (n *Node) AwaitCircuit(ctx context.Context) error {
	for {
		n.mu.Lock()
		for k := range n.circuits {
			if n.routing.Info(k).State == routing.StateRU {
				n.mu.Unlock()
				return nil
			}
		}
		ch := n.up.wait()
		n.mu.Unlock()
		select {
		case <-ch:
		case <-ctx.Done():
			return ctx.Err()
		case <-n.ctx.Done():
			return n.ctx.Err()
		}
	}
}

// signal wakes whoever waits. It is guarded by the node's lock.
type signal struct{ ch chan struct{} }

func (s *signal) wait() <-chan struct{} {
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

func (s *signal) fire() {
	if s.ch != nil {
		close(s.ch)
		s.ch = nil
	}
}

// AbortLinks aborts all links, as an operator would; their peers are told so.
func (n *Node) AbortLinks() {
	n.mu.Lock()
	defer n.Unlock()
	now := time.Now()
	for c := range n.conns {
		n.session.Abort(now, c.Link(), scp.ThirdParty, nil)
	}
}
