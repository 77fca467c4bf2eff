package tenuto

import (
	"errors"

	"github.com/tenuto-session/tenuto/spdu"
	"github.com/tenuto-session/tenuto/transport"
)

// ErrSimplex is returned by what would move the data token of a simplex session, and by a Conn's Write where no data may be sent.
var ErrSimplex = errors.New("tenuto: the session is simplex: data go one way")

// ErrNoSimplex is returned by a dial with Config.Simplex where that cannot be had: only bridges have it.
var ErrNoSimplex = errors.New("tenuto: the peer, or the transport, knows no simplex sessions")

// simplexConn is a transport connection that may carry a simplex session.
type simplexConn interface{ Simplex() bool }

func isSimplex(tc transport.Conn) bool {
	c, ok := tc.(simplexConn)
	return ok && c.Simplex()
}

// Simplex tells whether the session is simplex.
func (s *Session) Simplex() bool { return s.simplex }

// pinned tells whether a request, or an SPDU received, would move the data token of a simplex session, or ask for it. mu is held.
func (s *Session) pinned(p spdu.SPDU) bool {
	if !s.simplex {
		return false
	}
	switch p := p.(type) {
	case spdu.GT:
		return p.Tokens&DataToken != 0
	case spdu.PT:
		return p.Tokens&DataToken != 0
	case spdu.GTC:
		return true
	case spdu.RS:
		return p.HasTokens && p.Tokens.Of(DataToken) != s.m.Setting().Of(DataToken)
	case spdu.RA:
		return p.HasTokens && p.Tokens.Of(DataToken) != s.m.Setting().Of(DataToken)
	}
	return false
}

// pinnedError is what is wrong with a peer that moves it all the same.
func pinnedError(p spdu.SPDU) error {
	return misfit(p, 0, clauseSimplex, "the session is simplex, and the data token stays where it is")
}
