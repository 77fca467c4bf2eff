package main

import (
	"context"
	"net/url"
	"strings"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/cmd/tenuto/internal/control"
	"github.com/tenuto-session/tenuto/decnet/node"
	"github.com/tenuto-session/tenuto/decnet/scp"
	"github.com/tenuto-session/tenuto/forward"
)

const schemeDecnet = "decnet"

func isDecnet(rawURL string) bool { return strings.HasPrefix(rawURL, schemeDecnet+"://") }

// decnetTarget is NODE::OBJECT of a URL such as decnet://NODE/OBJECT.
func decnetTarget(rawURL string) (host, object string, err error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return "", "", usageError{err}
	}
	object = strings.TrimPrefix(u.Path, "/")
	if _, err := scp.ParseObject(object); err != nil {
		return "", "", usagef("%s names no object: %v", rawURL, err)
	}
	return u.Host, object, nil
}

// gatewayDecnet is the gateway of which one side or both are links of a node.
func (p *program) gatewayDecnet(ctx context.Context, ep *tenuto.Endpoint, listen, target, config string) error {
	file, err := readDecnet(config)
	if err != nil {
		if config == "" {
			return usagef("--decnet is missing: the file with the node and its circuits")
		}
		return usageError{err}
	}
	var called, accepted string
	if isDecnet(target) {
		host, object, err := decnetTarget(target)
		if err != nil {
			return err
		}
		if host == "" {
			return usagef("%s names no node", target)
		}
		called = host + "::" + object
	} else if _, ok := stream(target); !ok {
		if _, err := ep.Check(target); err != nil {
			return usageError{err}
		}
	}
	if isDecnet(listen) {
		host, object, err := decnetTarget(listen)
		if err != nil {
			return err
		}
		if host != "" {
			return usagef("%s: a URL to accept at names no node", listen)
		}
		accepted = object
	}
	n, err := file.node(p.log)
	if err != nil {
		return err
	}
	defer n.Close()
	dial, err := dialAny(ep, n, target, called)
	if err != nil {
		return err
	}
	return p.acceptAny(ctx, ep, n, listen, accepted, dial, control.Process{URL: target})
}

// dialAny returns what reaches the target: an object of a node if called is not empty, a stream or a session.
func dialAny(ep *tenuto.Endpoint, n *node.Node, target, called string) (func(context.Context) (forward.Conn, error), error) {
	if called != "" {
		return func(ctx context.Context) (forward.Conn, error) {
			c, err := n.Dial(ctx, called, nil)
			if err != nil {
				return nil, err
			}
			return newDecnetStream(c, decnetQuiet), nil
		}, nil
	}
	if to, ok := stream(target); ok {
		dial, err := forward.DialTarget(to)
		if err != nil {
			return nil, usageError{err}
		}
		return dial, nil
	}
	return forward.DialURL(ep, target, nil), nil
}

// acceptAny accepts links of an object if that is not empty, streams or sessions, and joins each with what dial reaches.
func (p *program) acceptAny(ctx context.Context, ep *tenuto.Endpoint, n *node.Node, listen, object string, dial func(context.Context) (forward.Conn, error), told control.Process) error {
	server := &forward.Server{Default: dialled{dial, told.URL}, Logger: p.log}
	if object != "" {
		ln, err := n.Listen(object, nil)
		if err != nil {
			return err
		}
		defer ln.Close()
		told.Listen = []string{listen}
		defer p.tell("gateway", ep, told)()
		p.log.Info("listening", "object", ln.Addr().String(), "target", told.URL)
		return server.Serve(ctx, decnetLinks{ln, decnetQuiet})
	}
	if at, ok := stream(listen); ok {
		ln, err := forward.Listen(ctx, at)
		if err != nil {
			return err
		}
		defer ln.Close()
		told.Listen = []string{ln.Addr().String()}
		defer p.tell("gateway", ep, told)()
		p.log.Info("listening", "address", ln.Addr().String(), "target", told.URL)
		return (&forward.Forwarder{Dial: dial, Logger: p.log}).Serve(ctx, ln)
	}
	ln, err := ep.Listen(ctx, listen, forward.Dialogues)
	if err != nil {
		return err
	}
	defer ln.Close()
	told.Listen = []string{ln.URL()}
	defer p.tell("gateway", ep, told)()
	p.log.Info("listening", "url", ln.URL(), "target", told.URL)
	return server.Serve(ctx, forward.Listener(ln, forward.Dialogues))
}

// dialled is a target that is reached by a function.
type dialled struct {
	dial func(context.Context) (forward.Conn, error)
	name string
}

func (d dialled) String() string { return d.name }

// Open reaches the target.
func (d dialled) Open(ctx context.Context) (forward.Peer, error) {
	c, err := d.dial(ctx)
	if err != nil {
		return nil, err
	}
	return dialledPeer{c}, nil
}

type dialledPeer struct{ c forward.Conn }

// Join joins both.
func (p dialledPeer) Join(ctx context.Context, session forward.Conn) (forward.Counts, error) {
	return forward.Join(ctx, p.c, session)
}

// Reset gives up.
func (p dialledPeer) Reset() { p.c.Abort(nil) }
