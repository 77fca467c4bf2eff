// Package port is a node's or a router's place on one link: it acquires and defends an address there, and makes frames of datagrams
// and datagrams of frames. It is a machine; drivers read and write the frames.
//
//	p := port.New(port.Config{Kind: link.LocalTalk, Rand: rng})
//	p.Acquire(now, ddp.Range{}, ddp.Addr{})  // then Tick at Next, and Receive for each frame, until Ready
//	p.Send(now, &datagram, port.ToNode(ddp.Addr{Net: 3, Node: 10}), out)
package port

import (
	"math/rand/v2"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/aarp"
	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/elap"
	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/llap"
)

// maxAnswers is how many requests for our address are answered in a second.
const maxAnswers = 64

// Config is what a port is told.
type Config struct {
	Index    int // of the port, in outputs
	Kind     link.Kind
	Hardware link.Hardware // EtherTalk
	Server   bool          // LocalTalk: the node is of the server class
	Rand     *rand.Rand
}

// Port is a place on a link.
//
//	commands   Acquire Send Join Leave
//	handlers   Receive Tick Drop
//	getters    Addr Ready Next
type Port struct {
	Config
	Faults

	// Net is the number of a nonextended network, 0 while it is not known. Its owner sets it.
	Net uint16

	local    *llap.Acquirer
	ether    *aarp.Machine
	noted    aarpCounts
	joined   map[link.Hardware]int
	answers  int // in the second that began at
	answerAt time.Time
	scratch  []byte
}

type aarpCounts struct{ conflicts, unasked, dropped int }

// New makes a port that has no address.
func New(c Config) *Port {
	p := &Port{Config: c, joined: map[link.Hardware]int{}}
	if c.Kind == link.EtherTalk {
		p.ether = aarp.New(c.Hardware, c.Rand)
	} else {
		p.local = llap.NewAcquirer(c.Server, c.Rand)
	}
	return p
}

// Acquire gives up the port's address and begins to acquire one: on an extended network with a network number of the range; the hint
// if others do not have it.
func (p *Port) Acquire(now time.Time, nets ddp.Range, hint ddp.Addr) {
	if p.ether != nil {
		p.ether.Acquire(now, nets, hint)
		return
	}
	p.local.Start(now, hint.Node)
}

// Addr is the port's address. Its node is 0 while it has none.
func (p *Port) Addr() ddp.Addr {
	if p.ether != nil {
		return p.ether.Addr()
	}
	return ddp.Addr{Net: p.Net, Node: p.local.Node()}
}

// Ready reports whether the port has an address.
func (p *Port) Ready() bool { return p.Addr().Node != 0 }

// Extended reports whether the link is an extended network.
func (p *Port) Extended() bool { return p.ether != nil }

// Taken is how many addresses the port wanted that others had.
func (p *Port) Taken() int {
	if p.ether != nil {
		return p.ether.Taken
	}
	return p.local.Taken
}

// Next is when Tick has something to do; zero if it has nothing.
func (p *Port) Next() time.Time {
	if p.ether != nil {
		return p.ether.Next()
	}
	return p.local.Next()
}

// Tick does what is due.
func (p *Port) Tick(now time.Time, out *link.Output) {
	if p.ether != nil {
		p.ether.Tick(now)
		p.drain(now, out)
		return
	}
	if f, ok := p.local.Tick(now); ok {
		out.End(p.Index, f.Append(out.Begin()))
	}
}

// Drop counts what is dropped for a cause, and notes it once in a while.
func (p *Port) Drop(now time.Time, c Cause, out *link.Output, args ...any) {
	p.drop(now, c, 1, out, args...)
}

func (p *Port) drop(now time.Time, c Cause, n int, out *link.Output, args ...any) {
	if p.Add(now, c, n) {
		out.Warn(p.Index, "dropped", append([]any{"cause", c.String(), "count", p.Counts[c]}, args...)...)
	}
}

// Received is a datagram that has come.
type Received struct {
	D     ddp.Datagram // its data are part of the frame
	Short bool         // it came with the short header: its networks are that of the link
	ToAll bool         // it was sent to several stations
}

// Receive takes a frame. It reports false if there is no datagram in it for this node: it belonged to the link, was for others,
// or was dropped.
func (p *Port) Receive(now time.Time, frame []byte, out *link.Output) (r Received, ok bool) {
	if p.ether != nil {
		return p.receiveEther(now, frame, out)
	}
	f, err := llap.Parse(frame)
	if err != nil {
		p.failed(now, BadFrame, err, out)
		return r, false
	}
	node := p.local.Node()
	if f.IsControl() {
		p.control(now, f, out)
		return r, false
	}
	if node == 0 || f.Dst != node && f.Dst != llap.Broadcast {
		return r, false
	}
	if f.Src == node {
		p.Drop(now, AddressConflict, out, "node", node)
		return r, false
	}
	if r.Short = f.Type == llap.TypeShort; r.Short {
		r.D, err = ddp.ParseShort(f.Data, f.Dst, f.Src)
	} else {
		r.D, err = ddp.ParseLong(f.Data)
	}
	r.ToAll = f.Dst == llap.Broadcast
	return r, p.parsed(now, err, out)
}

// parsed counts what is wrong with a datagram, and reports whether nothing is.
func (p *Port) parsed(now time.Time, err error, out *link.Output) bool {
	switch err {
	case nil:
		return true
	case ddp.ErrChecksum:
		p.failed(now, BadChecksum, err, out)
	default:
		p.failed(now, BadDatagram, err, out)
	}
	return false
}

// failed is Drop for an error, which costs nothing while it is not to be noted.
func (p *Port) failed(now time.Time, c Cause, err error, out *link.Output) {
	if p.Add(now, c, 1) {
		out.Warn(p.Index, "dropped", "cause", c.String(), "count", p.Counts[c], "error", err)
	}
}

// answered counts an answer, and reports false if there were too many in this second.
func (p *Port) answered(now time.Time, out *link.Output) bool {
	if now.Sub(p.answerAt) >= time.Second || now.Before(p.answerAt) {
		p.answers, p.answerAt = 0, now
	}
	if p.answers++; p.answers > maxAnswers {
		p.Drop(now, Flood, out)
		return false
	}
	return true
}

func (p *Port) control(now time.Time, f llap.Frame, out *link.Output) {
	if reply, ok := p.local.Control(now, f); ok && p.answered(now, out) {
		out.End(p.Index, reply.Append(out.Begin()))
	}
}

func (p *Port) receiveEther(now time.Time, frame []byte, out *link.Output) (r Received, ok bool) {
	f, err := elap.Parse(frame)
	if err != nil {
		p.failed(now, BadFrame, err, out)
		return r, false
	}
	if f.Dst != p.Hardware && f.Dst != elap.Broadcast && p.joined[f.Dst] == 0 {
		return r, false
	}
	if f.Protocol == elap.AARP {
		p.resolved(now, f.Payload, out)
		return r, false
	}
	if !p.Ready() {
		return r, false
	}
	r.D, err = ddp.ParseLong(f.Payload)
	r.ToAll = f.Dst.IsMulticast()
	return r, p.parsed(now, err, out)
}

// resolved takes an AARP packet.
func (p *Port) resolved(now time.Time, b []byte, out *link.Output) {
	q, err := aarp.Parse(b)
	if err != nil {
		p.failed(now, BadFrame, err, out)
		return
	}
	if q.Function != aarp.Response && p.Ready() && q.Dst == p.Addr() && !p.answered(now, out) {
		return
	}
	p.ether.Handle(now, q)
	p.drain(now, out)
}

// drain sends what AARP wants sent, and counts what it has dropped.
func (p *Port) drain(now time.Time, out *link.Output) {
	for _, f := range p.ether.Drain() {
		protocol := elap.AARP
		if f.Datagram != nil {
			protocol = elap.Data
		}
		b := out.Begin()
		at := len(b)
		b = elap.Begin(b, f.Dst, p.Hardware, protocol)
		if f.Datagram != nil {
			b = append(b, f.Datagram...)
		} else {
			b = f.Packet.Append(b)
		}
		out.End(p.Index, elap.Finish(b, at))
	}
	seen := aarpCounts{p.ether.Conflicts, p.ether.Unasked, p.ether.Dropped}
	p.drop(now, AddressConflict, seen.conflicts-p.noted.conflicts, out, "address", p.Addr())
	p.drop(now, Unasked, seen.unasked-p.noted.unasked, out, "protocol", "AARP")
	p.drop(now, Unresolved, seen.dropped-p.noted.dropped, out)
	p.noted = seen
}

// Join makes the port hear a multicast address; Leave ends that. They count.
func (p *Port) Join(hw link.Hardware, out *link.Output) {
	if p.ether == nil || hw.IsZero() {
		return
	}
	if p.joined[hw]++; p.joined[hw] == 1 {
		out.Joins = append(out.Joins, link.Join{Port: p.Index, Address: hw})
	}
}

// Leave undoes one Join.
func (p *Port) Leave(hw link.Hardware, out *link.Output) {
	if p.ether == nil || p.joined[hw] == 0 {
		return
	}
	if p.joined[hw]--; p.joined[hw] == 0 {
		delete(p.joined, hw)
		out.Joins = append(out.Joins, link.Join{Port: p.Index, Address: hw, Leave: true})
	}
}
