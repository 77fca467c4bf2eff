package node

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
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

// Listen opens a socket for others to find: one that is registered by a name, OBJECT:TYPE, whose type is the one that is given if it has none; the one with
// a number, as :130; or a dynamic one if text is empty or :0. It waits until the node is ready.
func (n *Node) Listen(ctx context.Context, text, kind string) (*Socket, error) {
	num, named := uint64(0), true
	if number, ok := strings.CutPrefix(text, ":"); ok || text == "" {
		var err error
		if num, err = strconv.ParseUint(cmp.Or(number, "0"), 10, 8); err != nil {
			return nil, fmt.Errorf("node: listen %q: it is no socket's number", text)
		}
		named = false
	}
	s, err := n.Open(uint8(num))
	if err != nil {
		return nil, err
	}
	if named {
		err = n.register(ctx, s, text, kind)
	} else {
		err = n.Ready(ctx)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// register gives a socket its name, which ends with it.
func (n *Node) register(ctx context.Context, s *Socket, text, kind string) error {
	e, err := nbp.ParseEntity(text)
	if err != nil {
		return err
	}
	if e.Type == nbp.All {
		e.Type = kind
	}
	s.name = e
	return n.Register(ctx, e, s)
}

// URLAddress is what a URL means by its host, as Resolve has it: scheme://3.10:130 is a socket; scheme://Object, or scheme://Object:Type@Zone, is a name,
// whose type is the one that is given if it has none; scheme://:0 is for Listen. A zone may stand in the query, as ?zone=The%20Zone. What the URL has as
// path is somebody else's.
func URLAddress(u *url.URL, kind string) (string, error) {
	if _, ok := parseSocket(u.Host); (ok || strings.HasPrefix(u.Host, ":")) && u.User == nil {
		return u.Host, nil
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "", fmt.Errorf("the URL's query %q: %w", u.RawQuery, err)
	}
	for key := range query {
		if key != "zone" {
			return "", fmt.Errorf("the URL's query has %q: it knows only zone, as in ?zone=The%%20Zone", key)
		}
	}
	object, zone := u.Host, ""
	if u.User != nil {
		object, zone = u.User.Username(), u.Host
		if named, ok := u.User.Password(); ok {
			kind = named
		}
	} else if o, k, ok := strings.Cut(object, ":"); ok {
		object, kind = o, k
	}
	if named := query.Get("zone"); named != "" && zone != "" {
		return "", fmt.Errorf("the URL has the zones %q and %q", zone, named)
	} else if named != "" {
		zone = named
	}
	if object == "" {
		return "", fmt.Errorf("the URL names nothing: give a name or a socket, as in %s://Object:Type@Zone or %s://3.10:130", u.Scheme, u.Scheme)
	}
	if zone == "" {
		zone = nbp.OwnZone
	}
	return object + ":" + kind + "@" + zone, nil
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
