package node

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/nbp"
)

// Resolve finds the socket that a text means: NETWORK.NODE:SOCKET, or a name, OBJECT:TYPE@ZONE, which is looked up. A name without a type has the one
// that is given. The first that answers counts.
func (n *Node) Resolve(ctx context.Context, text, kind string) (ddp.Socket, error) {
	if s, ok := parseSocket(text); ok {
		return s, n.Ready(ctx)
	}
	e, err := nbp.ParseEntity(text)
	if err != nil {
		return ddp.Socket{}, err
	}
	if e.Type == nbp.All {
		e.Type = kind
	}
	l := &Lookup{Entity: e, Limit: 1}
	if err := n.Do(ctx, l); err != nil {
		return ddp.Socket{}, err
	}
	found := l.Found()
	if len(found) == 0 {
		return ddp.Socket{}, fmt.Errorf("node: look up %v: %w", e, ErrNoAnswer)
	}
	return found[0].Addr, nil
}

// RegisterName registers a socket by a name, OBJECT:TYPE, and returns it whole. A name without a type has the one that is given.
func (n *Node) RegisterName(ctx context.Context, text, kind string, s *Socket) (nbp.Entity, error) {
	e, err := nbp.ParseEntity(text)
	if err != nil {
		return e, err
	}
	if e.Type == nbp.All {
		e.Type = kind
	}
	return e, n.Register(ctx, e, s)
}

// parseSocket reads what ddp.Socket's String writes.
func parseSocket(text string) (s ddp.Socket, ok bool) {
	node, num, ok := strings.Cut(text, ":")
	if !ok {
		return s, false
	}
	n, err := strconv.ParseUint(num, 10, 8)
	if err != nil || n == 0 || n > ddp.LastSocket {
		return s, false
	}
	if s.Addr, err = ddp.ParseAddr(node); err != nil {
		return s, false
	}
	s.Num = uint8(n)
	return s, true
}
