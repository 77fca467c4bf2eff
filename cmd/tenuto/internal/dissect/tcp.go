package dissect

import (
	"container/list"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/reassembly"
)

// Limits of the reassembly of TCP connections. A page is 1,900 octets or less of a segment that came too early.
const (
	maxConnections = 1024
	pagesPerFlow   = 512
	pagesInAll     = 16384
	patience       = 10 * time.Second // for a segment that is missing, by the capture's clock
	flushEvery     = time.Second
)

// endpoints are the addresses of a segment.
type endpoints struct{ from, to netip.AddrPort }

// key is the same for both directions.
func (e endpoints) key() endpoints {
	if e.from.Compare(e.to) > 0 {
		e.from, e.to = e.to, e.from
	}
	return e
}

// portList is the ports of connections to decode.
type portList []uint16

func (l portList) any() bool { return slices.Contains(l, AnyPort) }

func (l portList) match(e endpoints) bool {
	return l.any() || slices.Contains(l, e.from.Port()) || slices.Contains(l, e.to.Port())
}

func (l portList) String() string {
	if l.any() {
		return "any port"
	}
	s := fmt.Sprint([]uint16(l))
	return "port " + strings.Join(strings.Fields(strings.Trim(s, "[]")), ", ")
}

// tcp puts the segments of connections together.
type tcp struct {
	*printer
	ports     portList
	data      int
	assembler *reassembly.Assembler
	conns     map[endpoints]*tcpConn
	recent    *list.List // of *tcpConn, the one that was idle longest first
	number    int
	begun     uint64
	flushed   time.Time
}

// tcpConn is a TCP connection. It is what the assembler calls a stream.
type tcpConn struct {
	tcp    *tcp
	conn   *connection
	key    endpoints
	client netip.AddrPort
	place  *list.Element // nil when it has ended
	id     uint64        // by which the assembler knows it: addresses and ports may serve again
	syn    uint32        // sequence number of the initiator's SYN
	hasSYN bool
	first  Side        // who was seen first
	at     [3]Position // behind the last octet of each side
	next   [3]uint32   // sequence number there
	top    [3]uint32   // the largest sequence number seen of each side
	now    time.Time
}

func newTCP(p *printer, o Options) *tcp {
	t := &tcp{printer: p, ports: o.Ports, data: o.Data, conns: map[endpoints]*tcpConn{}, recent: list.New()}
	t.assembler = reassembly.NewAssembler(reassembly.NewStreamPool(t))
	t.assembler.MaxBufferedPagesPerConnection = pagesPerFlow
	t.assembler.MaxBufferedPagesTotal = pagesInAll
	return t
}

// New makes the assembler's stream, whose connection segment has made.
func (t *tcp) New(_, _ gopacket.Flow, _ *layers.TCP, ac reassembly.AssemblerContext) reassembly.Stream {
	return ac.(*segmentContext).conn
}

// segmentContext is what the assembler carries along with a segment.
type segmentContext struct {
	info gopacket.CaptureInfo // its InterfaceIndex is the packet's number
	conn *tcpConn
}

// GetCaptureInfo returns what is known of the packet.
func (c *segmentContext) GetCaptureInfo() gopacket.CaptureInfo { return c.info }

// segment takes a segment of a connection.
func (t *tcp) segment(e endpoints, s *layers.TCP, info gopacket.CaptureInfo) {
	if !t.ports.match(e) {
		return
	}
	c := t.conns[e.key()]
	begins := s.SYN && !s.ACK
	if c != nil && begins && (!c.hasSYN || c.syn != s.Seq) {
		t.forget(c)
		c = nil
	}
	if c == nil {
		if !s.SYN && len(s.Payload) == 0 {
			return
		}
		c = t.begin(e, s)
	}
	if begins {
		c.syn, c.hasSYN = s.Seq, true
	}
	t.recent.MoveToBack(c.place)
	c.now = info.Timestamp
	if at := &c.at[c.from(e)]; at.Packet == 0 {
		at.Packet = int64(info.InterfaceIndex)
	}
	payload := s.Payload
	if s.RST {
		payload = nil // words about the reason at best
	}
	t.assemble(c, c.from(e), &layers.TCP{BaseLayer: layers.BaseLayer{Payload: payload}, Seq: s.Seq, Ack: s.Ack, SYN: s.SYN, ACK: s.ACK, FIN: s.FIN, RST: s.RST}, info)
	t.flush(info.Timestamp)
}

// begin makes a connection. Its initiator is who sends SYN, else who sends to one of our ports, else who is seen first.
func (t *tcp) begin(e endpoints, s *layers.TCP) *tcpConn {
	if len(t.conns) >= maxConnections {
		old := t.recent.Front().Value.(*tcpConn)
		old.conn.flows[Initiator].problem(old.at[Initiator], Problem{Text: fmt.Sprintf("TCP: given up, as the one of %d connections that was idle longest", maxConnections),
			Offset: -1, Position: old.at[Initiator]})
		t.forget(old)
	}
	client, server := e.from, e.to
	fromServer := slices.Contains(t.ports, e.from.Port()) && !slices.Contains(t.ports, e.to.Port())
	if s.SYN && s.ACK || !s.SYN && fromServer {
		client, server = server, client
	}
	t.begun++
	c := &tcpConn{tcp: t, key: e.key(), client: client, id: t.begun}
	c.first = c.from(e)
	link := &Link{Initiator: client.String(), Responder: server.String()}
	c.conn = newConnection(link, t.data, func(u *Unit) {
		if link.Number == 0 {
			t.number++
			link.Number = t.number
		}
		t.print(u)
	})
	c.conn.any = t.ports.any()
	c.place = t.recent.PushBack(c)
	t.conns[c.key] = c
	return c
}

// assemble hands a segment to the assembler. What it takes for network addresses is the connection's number and the direction.
func (t *tcp) assemble(c *tcpConn, side Side, s *layers.TCP, info gopacket.CaptureInfo) {
	var ends [2][9]byte
	for i := range ends {
		binary.BigEndian.PutUint64(ends[i][:], c.id)
		ends[i][8] = byte(i)
	}
	from, to := ends[0][:], ends[1][:]
	if side == Responder {
		from, to = to, from
	}
	t.assembler.AssembleWithContext(gopacket.NewFlow(gopacket.EndpointInvalid, from, to), s, &segmentContext{info, c})
}

// forget makes the assembler forget a connection, which it does when both directions are reset.
func (t *tcp) forget(c *tcpConn) {
	c.finish()
	for _, side := range []Side{Initiator, Responder} {
		t.assemble(c, side, &layers.TCP{RST: true}, gopacket.CaptureInfo{Timestamp: c.now})
	}
}

// flush gives up waiting for what has been missing for long.
func (t *tcp) flush(now time.Time) {
	if d := now.Sub(t.flushed); d >= flushEvery || d < 0 {
		t.flushed = now
		t.assembler.FlushWithOptions(reassembly.FlushOptions{T: now.Add(-patience)})
	}
}

// end ends all connections.
func (t *tcp) end() { t.assembler.FlushAll() }

// from is who sends from one endpoint to the other.
func (c *tcpConn) from(e endpoints) Side {
	if e.from == c.client {
		return Initiator
	}
	return Responder
}

// finish ends both directions.
func (c *tcpConn) finish() {
	if c.place == nil {
		return
	}
	for _, side := range []Side{Initiator, Responder} {
		f, at := &c.conn.flows[side], c.at[side]
		if n := int32(c.top[side] - c.next[side]); n > 0 && !c.conn.foreign {
			f.problem(at, Problem{Text: fmt.Sprintf("TCP: of the last %s some are missing, and the others were dropped", octets(int64(n))), Offset: -1, Position: at})
		}
		f.end(at, c.now)
	}
	delete(c.tcp.conns, c.key)
	c.tcp.recent.Remove(c.place)
	c.place = nil
}

// side is who sends in a direction. To the assembler the client is who was seen first.
func (c *tcpConn) side(d reassembly.TCPFlowDirection) Side {
	if d == reassembly.TCPDirClientToServer {
		return c.first
	}
	return c.first.other()
}

// Accept is asked for each segment. A direction of which no SYN was seen begins with its first segment.
func (c *tcpConn) Accept(s *layers.TCP, _ gopacket.CaptureInfo, d reassembly.TCPFlowDirection, next reassembly.Sequence, start *bool, _ reassembly.AssemblerContext) bool {
	side, begun := c.side(d), next >= 0
	if !begun {
		c.next[side] = s.Seq
		c.top[side] = s.Seq
	}
	switch {
	case c.place == nil && begun:
		s.Seq = uint32(next) // so that the reset counts
	case begun:
	case s.SYN:
		c.next[side]++
	default:
		*start = true
		c.conn.flows[side].startSeeking()
	}
	if end := s.Seq + uint32(len(s.Payload)); len(s.Payload) > 0 && int32(end-c.top[side]) > 0 {
		c.top[side] = end
	}
	return true
}

// ReassembledSG takes octets in their order.
func (c *tcpConn) ReassembledSG(sg reassembly.ScatterGather, _ reassembly.AssemblerContext) {
	d, _, end, skip := sg.Info()
	f := &c.conn.flows[c.side(d)]
	at := &c.at[f.from]
	if skip > 0 {
		f.gap(int64(skip), *at, c.now)
		at.Octet += int64(skip)
		c.next[f.from] += uint32(skip)
	}
	n, _ := sg.Lengths()
	c.next[f.from] += uint32(n)
	b := sg.Fetch(n)
	for off := 0; off < n; {
		info := sg.CaptureInfo(off)
		k := sort.Search(n-off, func(i int) bool { return sg.CaptureInfo(off+i).InterfaceIndex != info.InterfaceIndex })
		at.Packet, c.now = int64(info.InterfaceIndex), info.Timestamp
		f.take(b[off:off+k], *at, c.now)
		at.Octet += int64(k)
		off += k
	}
	if end {
		f.end(*at, c.now)
	}
}

// ReassemblyComplete is told when both directions have ended.
func (c *tcpConn) ReassemblyComplete(reassembly.AssemblerContext) bool {
	c.finish()
	return true
}
