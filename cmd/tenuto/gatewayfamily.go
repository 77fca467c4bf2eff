package main

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/appletalk/adsp"
	"github.com/tenuto-session/tenuto/appletalk/asp"
	atalk "github.com/tenuto-session/tenuto/appletalk/node"
	"github.com/tenuto-session/tenuto/cmd/tenuto/internal/control"
	"github.com/tenuto-session/tenuto/decnet/node"
	"github.com/tenuto-session/tenuto/decnet/scp"
	"github.com/tenuto-session/tenuto/forward"
)

// The schemes of the families that have stacks of their own.
const (
	schemeDecnet = "decnet"
	schemeADSP   = "adsp"
	schemeASP    = "asp"
)

// family is the scheme of a URL of one of the families, or empty.
func family(rawURL string) string {
	for _, s := range []string{schemeDecnet, schemeADSP, schemeASP} {
		if strings.HasPrefix(rawURL, s+"://") {
			return s
		}
	}
	return ""
}

// families is a gateway of which one side or both are of a family.
type families struct {
	p     *program
	ep    *tenuto.Endpoint
	nodes *nodes
}

// circuitTime is how long a connection waits for the DECnet node's first circuit.
const circuitTime = 5 * time.Second

// awaitCircuit waits for it. If there is none then, that is told by what needs it.
func awaitCircuit(ctx context.Context, n *node.Node) {
	ctx, cancel := context.WithTimeout(ctx, circuitTime)
	defer cancel()
	_ = n.AwaitCircuit(ctx)
}

// A dialler reaches a target.
type dialler func(context.Context) (forward.Conn, error)

func (p *program) gatewayFamilies(ctx context.Context, ep *tenuto.Endpoint, listen, target string, n *nodes) error {
	g := &families{p, ep, n}
	// What is wrong with either is told before anything is opened.
	for rawURL, accepts := range map[string]bool{listen: true, target: false} {
		if err := g.check(rawURL, accepts); err != nil {
			return err
		}
	}
	dial, err := g.dial(ctx, target)
	if err != nil {
		return err
	}
	return g.accept(ctx, listen, dial, control.Process{URL: target})
}

// check tells what is wrong with one of the URLs.
func (g *families) check(rawURL string, accepts bool) error {
	switch family(rawURL) {
	case schemeDecnet:
		host, _, err := decnetTarget(rawURL)
		switch {
		case err != nil:
			return err
		case accepts && host != "":
			return usagef("%s: a URL to accept at names no node", rawURL)
		case !accepts && host == "":
			return usagef("%s names no node", rawURL)
		case g.nodes.decnet == "":
			return errNoDecnet
		}
	case schemeADSP, schemeASP:
		_, err := atalkAddress(rawURL)
		return err
	default:
		if _, ok := stream(rawURL); !ok && !accepts {
			if _, err := g.ep.Check(rawURL); err != nil {
				return usageError{err}
			}
		}
	}
	return nil
}

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

// atalkAddress is the socket or the name of a URL such as adsp://Object:Type@Zone.
func atalkAddress(rawURL string) (string, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return "", usageError{err}
	}
	kind := adsp.Type
	if u.Scheme == schemeASP {
		kind = asp.Type
	}
	text, err := atalk.URLAddress(u, kind)
	if err != nil {
		return "", usageError{err}
	}
	return text, nil
}

// dial returns what reaches the target: of a family, a stream or a session.
func (g *families) dial(ctx context.Context, target string) (dialler, error) {
	switch family(target) {
	case schemeDecnet:
		n, err := g.nodes.decnetUp(ctx)
		host, object, _ := decnetTarget(target)
		return func(ctx context.Context) (forward.Conn, error) {
			awaitCircuit(ctx, n)
			c, err := n.Dial(ctx, host+"::"+object, nil)
			if err != nil {
				return nil, err
			}
			return newDecnetStream(c, familyQuiet), nil
		}, err
	case schemeADSP:
		n, err := g.nodes.appletalk(ctx)
		text, _ := atalkAddress(target)
		return func(ctx context.Context) (forward.Conn, error) {
			c, err := adsp.Dial(ctx, n, text, adspConfig)
			if err != nil {
				return nil, err
			}
			return newADSPStream(c), nil
		}, err
	case schemeASP:
		n, err := g.nodes.appletalk(ctx)
		text, _ := atalkAddress(target)
		return func(context.Context) (forward.Conn, error) { return openASPFar(n, text, g.p.log), nil }, err
	}
	if to, ok := stream(target); ok {
		dial, err := forward.DialTarget(to)
		if err != nil {
			return nil, usageError{err}
		}
		return dial, nil
	}
	return dialler(forward.DialURL(g.ep, target, nil)), nil
}

// accept accepts what the URL says, and joins each with what dial reaches.
func (g *families) accept(ctx context.Context, listen string, dial dialler, told control.Process) error {
	server := &forward.Server{Default: dialled{dial, told.URL}, Logger: g.p.log}
	begin := func(at string, args ...any) func() {
		told.Listen = []string{at}
		g.p.log.Info("listening", append(args, "target", told.URL)...)
		return g.p.tell("gateway", g.ep, told)
	}
	switch family(listen) {
	case schemeDecnet:
		n, err := g.nodes.decnetUp(ctx)
		if err != nil {
			return err
		}
		_, object, _ := decnetTarget(listen)
		ln, err := n.Listen(object, nil)
		if err != nil {
			return err
		}
		defer ln.Close()
		defer begin(listen, "object", ln.Addr().String())()
		return server.Serve(ctx, decnetLinks{ln, familyQuiet})
	case schemeADSP, schemeASP:
		n, err := g.nodes.appletalk(ctx)
		if err != nil {
			return err
		}
		text, _ := atalkAddress(listen)
		if family(listen) == schemeASP {
			near, err := listenASPNear(ctx, n, text, dial, g.p.log)
			if err != nil {
				return err
			}
			defer begin(listen, "name", text, "address", near.Addr().String())()
			return near.serve(ctx)
		}
		ln, err := adsp.Listen(ctx, n, text, adspConfig)
		if err != nil {
			return err
		}
		defer ln.Close()
		defer begin(listen, "name", text, "address", ln.Addr().String())()
		return server.Serve(ctx, adspStreams{ln})
	}
	if at, ok := stream(listen); ok {
		ln, err := forward.Listen(ctx, at)
		if err != nil {
			return err
		}
		defer ln.Close()
		defer begin(ln.Addr().String(), "address", ln.Addr().String())()
		return (&forward.Forwarder{Dial: dial, Logger: g.p.log}).Serve(ctx, ln)
	}
	ln, err := g.ep.Listen(ctx, listen, forward.Dialogues)
	if err != nil {
		return err
	}
	defer ln.Close()
	defer begin(ln.URL(), "url", ln.URL())()
	return server.Serve(ctx, forward.Listener(ln, forward.Dialogues))
}

// dialled is a target that is reached by a function.
type dialled struct {
	dial dialler
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
