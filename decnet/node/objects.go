package node

import (
	"context"
	"fmt"
	"strings"

	"github.com/tenuto-session/tenuto/decnet/mirror"
	"github.com/tenuto-session/tenuto/decnet/nml"
	"github.com/tenuto-session/tenuto/decnet/nsp"
	"github.com/tenuto-session/tenuto/decnet/scp"
)

// Serve lets an object be called and gives each link a goroutine, until the node's Close; the link is closed when f returns.
func (n *Node) Serve(object string, cfg *ListenConfig, f func(context.Context, *scp.Conn)) error {
	ln, err := n.Listen(object, cfg)
	if err != nil {
		return err
	}
	n.running.Go(func() {
		defer ln.Close()
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			n.running.Go(func() {
				defer c.Close()
				f(n.ctx, c.(*scp.Conn))
			})
		}
	})
	return nil
}

// ServeMirror lets MIRROR be called, by which others test the way to this node.
func (n *Node) ServeMirror() error {
	return n.Serve("MIRROR", &ListenConfig{Data: mirror.AcceptData}, func(ctx context.Context, c *scp.Conn) {
		if err := mirror.Serve(ctx, c); err != nil {
			n.log.Debug("mirror", "peer", c.RemoteAddr().String(), "cause", err)
		}
	})
}

// ServeNML lets NML be called, which tells about this node. The identification is at most 32 characters.
func (n *Node) ServeNML(identification string) error {
	self := nml.Node{Addr: n.cfg.Addr, Name: n.cfg.Name, Identification: identification}
	return n.Serve("NML", &ListenConfig{Data: nml.Version}, func(ctx context.Context, c *scp.Conn) {
		for {
			b, err := c.Receive(ctx)
			if err != nil {
				return
			}
			q, err := nml.ParseRequest(b)
			q.Name = strings.ToUpper(q.Name)
			answer := nml.Answer(q, self)
			if e, ok := err.(*nml.RequestError); ok {
				answer = nml.Refuse(e.Code)
			}
			if c.Send(ctx, answer) != nil {
				return
			}
		}
	})
}

// ShowExecutor asks another node's NML about itself.
func (n *Node) ShowExecutor(ctx context.Context, target string, cfg *DialConfig) (r nml.Response, err error) {
	own := DialConfig{}
	if cfg != nil {
		own = *cfg
	}
	own.Source, own.Data, own.Flow = scp.ByName("NCP"), nml.Version, nsp.FlowNone
	c, err := n.Dial(ctx, target+"::NML", &own)
	if err != nil {
		return r, err
	}
	defer c.Close()
	if err := c.Send(ctx, nml.Executor(nml.Summary)); err != nil {
		return r, err
	}
	b, err := c.Receive(ctx)
	if err != nil {
		return r, fmt.Errorf("node: show executor of %s: %w", target, err)
	}
	return nml.ParseResponse(b)
}
