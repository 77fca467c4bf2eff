package dissect

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/tenuto-session/tenuto/cotp"
)

// Clauses of what carries SPDUs, for errors that name none.
const (
	clauseTPKT      = "RFC 1006 §6"
	clauseTPDU      = "X.224 (11/95) 13.1"
	clauseParameter = "X.224 (11/95) 13.2"
	clauseTSDU      = "X.224 (11/95) 6.3"
)

const tpktSize = 4

// flow is what one side of a connection sends: packets of RFC 1006 one after the other.
type flow struct {
	conn *connection
	from Side
	now  time.Time

	packet located     // of the packet in hand, what was needed of it up to now
	header cotp.Header // of it
	left   int         // octets of user data of a DT or ED that are to come
	skip   int         // octets of a wrong TPDU to pass over

	seeking  bool     // the next packet is looked for
	passed   int64    // octets that were passed over meanwhile
	passedAt Position // of the first of them

	normal    tsdu
	expedited tsdu
	over      bool
}

// take takes the next octets of the flow.
func (f *flow) take(b []byte, pos Position, now time.Time) {
	f.now = now
	for len(b) > 0 && !f.conn.foreign {
		n := 0
		switch {
		case f.skip > 0:
			n = min(f.skip, len(b))
			f.skip -= n
		case f.left > 0:
			n = min(f.left, len(b))
			f.userData(b[:n], pos)
		case f.seeking:
			n = f.seek(b, pos)
		default:
			n = f.head(b, pos)
		}
		b = b[n:]
		pos.Octet += int64(n)
	}
}

// head takes octets of a packet up to its user data and returns how many.
func (f *flow) head(b []byte, pos Position) (n int) {
	want := cotp.HeaderSize
	if len(f.packet.b) >= want {
		want = f.header.Size
	}
	n = min(want-len(f.packet.b), len(b))
	f.packet.add(b[:n], pos)
	h, whole, err := cotp.ParseHeader(f.packet.b)
	f.header = h
	switch {
	case err != nil:
		f.wrong(err)
	case whole == 0:
	case h.Type == cotp.TypeDT || h.Type == cotp.TypeED:
		f.beginData()
	default:
		f.control()
	}
	return n
}

// beginData begins the user data of a DT or ED.
func (f *flow) beginData() {
	f.conn.known = true
	f.left = f.header.Data
	t := f.tsdu()
	if t.tpdus == 0 {
		t.begin(f.packet.at(0), f.conn.keep)
	}
	t.tpdus++
	t.last = f.packet.at(0)
	f.packet.reset()
	if f.left == 0 {
		f.endData()
	}
}

// tsdu is what the user data of the TPDU in hand belong to.
func (f *flow) tsdu() *tsdu {
	if f.header.Type == cotp.TypeED {
		return &f.expedited
	}
	return &f.normal
}

func (f *flow) userData(b []byte, pos Position) {
	f.tsdu().add(b, pos)
	if f.left -= len(b); f.left == 0 {
		f.endData()
	}
}

// endData ends a DT or ED.
func (f *flow) endData() {
	t := f.tsdu()
	var p cotp.TPDU = cotp.DT{Length: f.header.Data, EOT: f.header.EOT}
	if f.header.Type == cotp.TypeED {
		p = cotp.ED{Length: f.header.Data}
	}
	u := f.unit(t.last, p.String())
	if f.header.Type == cotp.TypeDT && !f.header.EOT {
		u.More = true
		f.conn.emit(u)
		return
	}
	f.conn.endTSDU(u, t, f.header.Type == cotp.TypeED)
	t.reset()
}

// control is a TPDU that carries no TSDU.
func (f *flow) control() {
	f.conn.known = true
	p, err := cotp.Parse(f.packet.b)
	if err != nil {
		f.wrong(err)
		return
	}
	u := f.unit(f.packet.at(0), "")
	u.TPDU, u.User = f.conn.hide(p)
	f.conn.emit(u)
	f.packet.reset()
}

func (f *flow) unit(at Position, tpdu string) *Unit {
	return &Unit{Link: f.conn.link, Time: f.now, From: f.from, Position: at, TPDU: tpdu}
}

// wrong tells of an error in the packet in hand, and goes on with the next one.
func (f *flow) wrong(err error) {
	var e *cotp.ProtocolError
	if !errors.As(err, &e) {
		panic("BUG: cotp gives another error: " + err.Error())
	}
	if e.Framing && f.conn.foreignStart() {
		return
	}
	p := Problem{Text: trim(err), Offset: -1, Position: f.packet.at(0), Clause: clauseTPKT}
	if !e.Framing {
		p.Offset = max(len(e.Invalid)-1, 0)
		p.Position = f.packet.at(tpktSize + p.Offset)
		p.Clause = clauseParameter
		if e.Cause == cotp.CauseType {
			p.Clause = clauseTPDU
		}
	}
	f.problem(f.packet.at(0), p)
	if e.Framing {
		f.lose(1)
		return
	}
	f.skip = f.header.Size - len(f.packet.b)
	f.packet.reset()
	if f.header.Type == cotp.TypeDT {
		f.normal.damaged, f.normal.doubtful = f.normal.tpdus > 0, true
	}
}

func (f *flow) problem(at Position, p Problem) {
	u := f.unit(at, "")
	u.Problems = []Problem{p}
	f.conn.emit(u)
}

// lose ends what is in hand, of which n octets are no use, and begins to look for the next packet.
func (f *flow) lose(n int) {
	f.normal.reset()
	f.expedited.reset()
	f.left, f.skip = 0, 0
	f.startSeeking()
	if len(f.packet.b) == 0 {
		return
	}
	rest := f.packet
	f.packet = located{}
	if n > 0 {
		f.pass(n, rest.at(0))
	}
	f.again(rest, n)
}

// again takes octets a second time, from one on.
func (f *flow) again(l located, n int) {
	for i := n; i < len(l.b); i++ {
		f.take(l.b[i:i+1], l.at(i), f.now)
	}
}

func (f *flow) startSeeking() {
	f.seeking, f.passed = true, 0
	f.normal.doubtful = true
	f.conn.session.unsure(f.from)
}

// seek looks for a packet in b and returns how many octets it has looked at.
func (f *flow) seek(b []byte, pos Position) (n int) {
	if len(f.packet.b) == 0 {
		if n = bytes.IndexByte(b, tpktVersion); n < 0 {
			n = len(b)
		}
		if n > 0 && !f.conn.foreignStart() {
			f.pass(n, pos)
		}
		if n > 0 {
			return n
		}
	}
	f.seekOctet(b[0], pos)
	return 1
}

const tpktVersion = 3

// pass passes over n octets, the first of which is at pos.
func (f *flow) pass(n int, pos Position) {
	if f.passed == 0 {
		f.passedAt = pos
	}
	f.passed += int64(n)
}

func (f *flow) seekOctet(o byte, pos Position) {
	f.packet.add([]byte{o}, pos)
	for !plausible(f.packet.b) {
		if f.conn.foreignStart() {
			return
		}
		f.pass(1, f.packet.at(0))
		f.packet.drop(1)
	}
	if len(f.packet.b) == cotp.HeaderSize {
		f.found()
	}
}

// found ends the looking: f.packet holds the header of a packet.
func (f *flow) found() {
	f.seeking = false
	f.tellPassed()
	rest := f.packet
	f.packet = located{}
	f.again(rest, 0)
}

func (f *flow) tellPassed() {
	if f.passed > 0 {
		f.problem(f.passedAt, Problem{Text: fmt.Sprintf("TPKT: %s passed over", octets(f.passed)), Offset: -1, Position: f.passedAt, Clause: clauseTPKT})
	}
	f.passed = 0
}

// plausible tells whether a packet may begin with b, as far as it goes. It wants more than ParseHeader does, since it is used to find one.
func plausible(b []byte) bool {
	switch n := len(b); {
	case n == 0:
		return true
	case b[0] != tpktVersion || n > 1 && b[1] != 0:
		return false
	case n < cotp.HeaderSize:
		return true
	}
	h, _, err := cotp.ParseHeader(b)
	if err != nil {
		return false
	}
	if h.Type == cotp.TypeDT || h.Type == cotp.TypeED {
		return b[tpktSize+2]&0x7f == 0 // TPDU-NR is 0 in class 0
	}
	return b[tpktSize+1] == byte(h.Type)
}

// gap says that n octets of the flow are missing, the first of which would be at pos.
func (f *flow) gap(n int64, pos Position, now time.Time) {
	f.now = now
	if f.conn.foreign {
		return
	}
	f.problem(pos, Problem{Text: octets(n) + " missing", Offset: -1, Position: pos})
	switch {
	case n > int64(f.left+f.skip):
		f.passOver()
		f.lose(0)
	case f.skip > 0:
		f.skip -= int(n)
	default:
		f.tsdu().lose(int(n))
		if f.left -= int(n); f.left == 0 {
			f.endData()
		}
	}
}

// passOver counts what is in hand of a packet among the octets that were passed over, and tells of them.
func (f *flow) passOver() {
	if n := len(f.packet.b); n > 0 {
		f.pass(n, f.packet.at(0))
		f.packet.reset()
	}
	f.tellPassed()
}

// end says that the flow ends.
func (f *flow) end(pos Position, now time.Time) {
	if f.over || f.conn.foreign {
		return
	}
	f.over, f.now = true, now
	inTPDU := len(f.packet.b) > 0 || f.left > 0 || f.skip > 0
	switch {
	case f.seeking:
		f.passOver()
	case inTPDU:
		text := "TPKT: the octets end within a packet"
		if n := f.header.Size; n > 0 {
			missing := f.left + f.skip
			if len(f.packet.b) > 0 {
				missing = n - len(f.packet.b)
			}
			text += fmt.Sprintf(" of %s: %s missing", octets(int64(n)), octets(int64(missing)))
		}
		f.problem(pos, Problem{Text: text, Offset: -1, Position: pos, Clause: clauseTPKT})
	case f.normal.tpdus > 0:
		f.problem(pos, Problem{Text: fmt.Sprintf("TPDU: the octets end within a TSDU, after %s of it", octets(f.normal.octets)), Offset: -1, Position: pos, Clause: clauseTSDU})
	}
}

// octets is a number of octets in words.
func octets(n int64) string {
	if n == 1 {
		return "1 octet"
	}
	return fmt.Sprintf("%d octets", n)
}
