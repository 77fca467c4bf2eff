package node

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/tenuto-session/tenuto/decnet"
	"github.com/tenuto-session/tenuto/decnet/nsp"
	"github.com/tenuto-session/tenuto/decnet/scp"
)

// DialConfig is what may be said with a Dial.
type DialConfig struct {
	Source  scp.Descriptor // who calls; the zero Descriptor is the name TENUTO
	Access  *scp.Access
	Data    []byte // at most 16 octets
	Proxy   bool
	Flow    nsp.FlowControl // how this end wants to be fed; the node's if it is none
	SegSize int             // the largest segment, in octets of user data; 0 is what the way allows
}

// Dial asks for a link: to an object such as 1.13::25, ALPHA::MIRROR or 0::TASK. It waits until the object accepts; an error that is an
// *scp.Error says why it did not. ctx is for the Dial alone.
func (n *Node) Dial(ctx context.Context, target string, cfg *DialConfig) (*scp.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	name, object, err := scp.ParseTarget(target)
	if err != nil {
		return nil, err
	}
	to, err := n.Resolve(name)
	if err != nil {
		return nil, err
	}
	if cfg == nil {
		cfg = &DialConfig{}
	}
	c := scp.Connect{Dst: object, Src: cfg.Source, Access: cfg.Access, Data: cfg.Data, Proxy: cfg.Proxy}
	if c.Src == (scp.Descriptor{}) {
		c.Src = scp.ByName("TENUTO")
	}
	return n.dial(ctx, to, c, cfg)
}

func (n *Node) dial(ctx context.Context, to decnet.Addr, c scp.Connect, cfg *DialConfig) (*scp.Conn, error) {
	d := &dialling{done: make(chan struct{})}
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return nil, fmt.Errorf("node: dial %v: %w", to, net.ErrClosed)
	}
	now := time.Now()
	l, err := n.session.Connect(now, to, c, n.options(now, to, cfg.Flow, cfg.SegSize))
	if err == nil {
		n.dials[l] = d
	}
	n.Unlock()
	if err != nil {
		return nil, err
	}
	select {
	case <-d.done:
	case <-ctx.Done():
	case <-n.ctx.Done():
	}
	n.mu.Lock()
	defer n.Unlock()
	delete(n.dials, l)
	if conn, ok := l.Owner.(*scp.Conn); ok && ctx.Err() == nil {
		return conn, nil
	} else if ok {
		conn.Link().Owner = nil
		delete(n.conns, conn)
	}
	reason, data, local := l.Reason, l.Data, l.Local
	closed := l.State == scp.Closed
	n.session.Forget(time.Now(), l)
	switch {
	case closed:
		return nil, &scp.Error{Peer: to, Reason: reason, Data: data, Local: local}
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	return nil, fmt.Errorf("node: dial %v: %w", to, net.ErrClosed)
}

// options are those of a link to or from a node.
func (n *Node) options(now time.Time, peer decnet.Addr, flow nsp.FlowControl, seg int) nsp.Options {
	if flow == nsp.FlowNone {
		flow = n.cfg.Flow
	}
	most := n.routing.SegSize(now, peer, nsp.MaxHeader)
	if seg <= 0 || seg > most {
		seg = most
	}
	return nsp.Options{SegSize: seg, Flow: flow}
}
