package main

import (
	"context"
	"net/url"
	"sync"

	atalk "github.com/tenuto-session/tenuto/appletalk/node"
	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/carrier/adsp"
	decnetcarrier "github.com/tenuto-session/tenuto/carrier/decnet"
	"github.com/tenuto-session/tenuto/decnet/node"
)

// nodes are a process's own nodes on AppleTalk and DECnet, each made when it is first needed. They live as long as the process.
type nodes struct {
	p            *program
	link, decnet string // the flags: an AppleTalk link, and the file with the DECnet node

	mu         sync.Mutex
	atalkNode  *atalk.Node // guarded by mu
	decnetNode *node.Node  // likewise
}

// appletalk is the AppleTalk node, when it is ready.
func (n *nodes) appletalk(ctx context.Context) (*atalk.Node, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.atalkNode == nil {
		l, err := openLink(n.link)
		if err != nil {
			return nil, err
		}
		n.atalkNode = atalk.New(l, atalk.Config{Logger: n.p.log})
	}
	return n.atalkNode, n.atalkNode.Ready(ctx)
}

// decnetUp is the DECnet node, with or without circuits that are up.
func (n *nodes) decnetUp(context.Context) (*node.Node, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.decnet == "" {
		return nil, errNoDecnet
	}
	if n.decnetNode == nil {
		file, err := readDecnet(n.decnet)
		if err != nil {
			return nil, usageError{err}
		}
		if n.decnetNode, err = file.node(n.p.log); err != nil {
			return nil, err
		}
	}
	return n.decnetNode, nil
}

var errNoDecnet = usagef("--decnet is missing: the file with the node and its circuits")

// carriers are the kinds of carriers over both.
func (n *nodes) carriers() []carrier.Network {
	return []carrier.Network{
		late{adsp.Scheme, func(ctx context.Context) (carrier.Network, error) {
			node, err := n.appletalk(ctx)
			return adsp.New(node), err
		}},
		late{decnetcarrier.Scheme, func(ctx context.Context) (carrier.Network, error) {
			node, err := n.decnetUp(ctx)
			if err == nil {
				awaitCircuit(ctx, node)
			}
			return decnetcarrier.New(node), err
		}},
	}
}

// late is a kind of carriers whose network is made when it is first needed.
type late struct {
	scheme string
	make   func(context.Context) (carrier.Network, error)
}

func (l late) Scheme() string { return l.scheme }

func (l late) Dial(ctx context.Context, u *url.URL) (carrier.Conn, error) {
	nw, err := l.make(ctx)
	if err != nil {
		return nil, err
	}
	return nw.Dial(ctx, u)
}

func (l late) Listen(ctx context.Context, u *url.URL) (carrier.Listener, error) {
	nw, err := l.make(ctx)
	if err != nil {
		return nil, err
	}
	return nw.Listen(ctx, u)
}
