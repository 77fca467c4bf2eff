package dissect

import (
	"fmt"
	"strings"
	"time"

	"github.com/tenuto-session/tenuto/cotp"
)

// connection decodes what the two sides of one transport connection send.
type connection struct {
	link    *Link
	emit    func(*Unit)
	keep    int // octets of user data to show
	flows   [3]flow
	session session

	any     bool // the connection may be one of something else than TPKT
	known   bool // it has been seen to be one of TPKT
	foreign bool // it is none
}

func newConnection(link *Link, keep int, emit func(*Unit)) *connection {
	c := &connection{link: link, keep: keep, emit: emit}
	for s := range c.flows {
		c.flows[s].conn, c.flows[s].from = c, Side(s)
	}
	return c
}

// foreignStart tells whether what was found at the beginning, which is no packet, is the affair of another protocol.
func (c *connection) foreignStart() bool {
	c.foreign = c.any && !c.known
	return c.foreign
}

// take takes octets that a side has sent, the first of which is at pos.
func (c *connection) take(from Side, b []byte, pos Position, now time.Time) {
	c.flows[from].take(b, pos, now)
}

// hide is the notation of a TPDU that is neither DT nor ED, without what it has of its user, which is user.
func (c *connection) hide(p cotp.TPDU) (notation string, user *Data) {
	var data []byte
	switch t := p.(type) {
	case cotp.CR:
		data, t.UserData = t.UserData, nil
		p = t
	case cotp.CC:
		data, t.UserData = t.UserData, nil
		p = t
	case cotp.DR:
		data, t.Information = t.Information, nil
		p = t
	case cotp.ER:
		data, t.Invalid = t.Invalid, nil
		p = t
	}
	if len(data) > 0 {
		user = &Data{Octets: int64(len(data)), Shown: clip(data, c.keep)}
	}
	return p.String(), user
}

// clip is a copy of the first octets of b, at most n.
func clip(b []byte, n int) []byte { return append([]byte(nil), b[:min(n, len(b))]...) }

// trim takes from an error what its place in the output says already.
func trim(err error) string {
	s := err.Error()
	for _, prefix := range []string{"cotp: ", "spdu: parse ", "spdu: "} {
		if rest, ok := strings.CutPrefix(s, prefix); ok {
			return rest
		}
	}
	return s
}

func (c *connection) endTSDU(u *Unit, t *tsdu, expedited bool) {
	u.Begin, u.TPDUs, u.Octets = t.at, t.tpdus, t.octets
	held := int64(len(t.held.b))
	switch {
	case t.damaged:
		c.session.unsure(u.From)
		u.Problems = []Problem{{Text: "TSDU: not decoded, since octets of its SPDUs are missing", Offset: -1, Position: t.at}}
	case !t.hasHead && held < t.octets:
		c.session.unsure(u.From)
		u.Problems = []Problem{{Text: fmt.Sprintf("TSDU: not decoded, since its SPDUs have more than %d octets", maxHeld), Offset: -1, Position: t.at}}
	default:
		c.decode(u, t, expedited)
	}
	c.emit(u)
}
