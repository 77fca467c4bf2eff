package nsp

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/decnet"
)

// The simulation joins two machines by a network that loses, doubles and reorders messages, restarts either node, and lets their users do
// at random what users may. After each step: what was read is what was written, message by message and in order; interrupts too; nothing is
// held beyond its bound. When the network is whole again, every link comes to its end or to rest, with all that was written read.

func simSeeds(t *testing.T) uint64 {
	n := uint64(100)
	if v := os.Getenv("TENUTO_SEEDS"); v != "" {
		var err error
		if n, err = strconv.ParseUint(v, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// TestSimulation runs as many seeds as TENUTO_SEEDS says, or 100; TENUTO_SEED runs one, with its trace.
func TestSimulation(t *testing.T) {
	if v := os.Getenv("TENUTO_SEED"); v != "" {
		seed, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		w := newSimWorld(seed)
		w.trace = t.Logf
		if err := w.run(); err != nil {
			t.Fatal(err)
		}
		return
	}
	var total simCounts
	seeds := simSeeds(t)
	for seed := range seeds {
		w := newSimWorld(seed)
		if err := w.run(); err != nil {
			t.Fatalf("seed %d: %v\nreplay it with: TENUTO_SEED=%d go test -v -run 'TestSimulation$' ./decnet/nsp", seed, err, seed)
		}
		total.add(w)
	}
	t.Logf("%+v", total)
	if c := total; seeds >= 100 && (c.octets == 0 || c.messages == 0 || c.interrupts == 0 || c.restarts == 0 || c.lost == 0 || c.doubled == 0 ||
		c.disconnects == 0 || c.aborts == 0 || c.rejects == 0 || c.gaveUp == 0 || c.retransmissions == 0 || c.early == 0 || c.flushed == 0 || c.probes == 0) {
		t.Errorf("the simulation missed a case: %+v", c)
	}
}

type simCounts struct {
	octets, messages, interrupts, restarts, lost, doubled, disconnects, aborts, rejects, flushed int
	gaveUp, retransmissions, early, probes                                                       uint64
}

func (c *simCounts) add(w *simWorld) {
	d := w.counts
	c.octets += d.octets
	c.messages += d.messages
	c.interrupts += d.interrupts
	c.restarts += d.restarts
	c.lost += d.lost
	c.doubled += d.doubled
	c.disconnects += d.disconnects
	c.probes += d.probes
	c.aborts += d.aborts
	c.rejects += d.rejects
	c.flushed += d.flushed
	for _, e := range w.ends {
		c.gaveUp += e.m.Counters.GaveUp
		c.retransmissions += e.m.Counters.Retransmissions
		c.early += e.m.Counters.Early
	}
}

// simHalf is one direction of a link: what was written and read.
type simHalf struct {
	written, read   int   // octets
	ends            []int // offsets at which messages end
	message         int   // read
	sentInt, gotInt int
	dropped         bool // aborted or lost: the rest need not arrive
	open            bool
}

// simLink is a link as both users see it. Its number is in the connect data.
type simLink struct {
	id   int
	port [2]*Port // of either end; nil if it has none, or it was released
	out  [2]simHalf
	by   int
}

type simEnd struct {
	addr decnet.Addr
	m    *Machine
}

type simPacket struct {
	to int
	at time.Time
	b  []byte
}

type simWorld struct {
	rng    *rand.Rand
	now    time.Time
	ends   [2]*simEnd
	net    []simPacket
	links  []*simLink
	trace  func(string, ...any)
	counts simCounts
	clean  bool
	down   bool
	cfg    Config
}

func newSimWorld(seed uint64) *simWorld {
	w := &simWorld{rng: rand.New(rand.NewPCG(seed, 0)), now: epoch, trace: func(string, ...any) {}}
	w.cfg = Config{SendBuffer: 400 + w.rng.IntN(2000), ReceiveBuffer: 100 + w.rng.IntN(2000), Window: 1 + w.rng.IntN(200), Links: 20, Pending: 10}
	if w.rng.IntN(3) == 0 { // so that much is granted
		w.cfg.SendBuffer, w.cfg.ReceiveBuffer = 20*w.cfg.SendBuffer, 20*w.cfg.ReceiveBuffer
	}
	for i := range w.ends {
		w.ends[i] = &simEnd{addr: decnet.NewAddr(1, i+1)}
		w.restart(i)
	}
	return w
}

// restart makes a node anew, which knows of nothing.
func (w *simWorld) restart(i int) {
	w.ends[i].m = New(w.cfg, w.rng.Uint64())
	for _, l := range w.links {
		if l.port[i] != nil {
			l.port[i] = nil
			l.drop()
		}
	}
}

func (l *simLink) drop() { l.out[0].dropped, l.out[1].dropped = true, true }

func (w *simWorld) run() error {
	steps := 300 + w.rng.IntN(700)
	for range steps {
		w.act()
		if err := w.settle(); err != nil {
			return err
		}
	}
	// The network is whole, and users read all; then they end what is left.
	w.clean = true
	for i := range 400 {
		if i == 200 {
			w.finish()
		}
		w.advance()
		if err := w.settle(); err != nil {
			return err
		}
		for _, l := range w.links {
			for i := range l.port {
				w.readAll(l, i)
			}
		}
	}
	return w.check()
}

// act does something at random.
func (w *simWorld) act() {
	switch k := w.rng.IntN(100); {
	case k < 40:
		w.advance()
	case k < 45 && len(w.links) < 30:
		l := &simLink{id: len(w.links), by: w.rng.IntN(2)}
		if p := w.ends[l.by].m.Connect(w.now, w.ends[1-l.by].addr, []byte{byte(l.id)}, w.options()); p != nil {
			p.Owner, l.port[l.by] = l, p
			w.links = append(w.links, l)
			w.trace("%d connects as %d", l.by, l.id)
		}
	case k == 46 && w.rng.IntN(6) == 0:
		w.down = !w.down // all is lost for a while
	case k == 45 && w.rng.IntN(10) == 0:
		i := w.rng.IntN(2)
		w.trace("%d restarts", i)
		w.counts.restarts++
		w.restart(i)
	case len(w.links) > 0:
		l, i := w.links[w.rng.IntN(len(w.links))], w.rng.IntN(2)
		if l.port[i] != nil {
			w.user(l, i, k)
		}
	}
}

func (w *simWorld) options() Options {
	return Options{SegSize: 10 + w.rng.IntN(90), Flow: FlowControl(w.rng.IntN(3)), Info: []Info{Info40, Info41}[w.rng.IntN(2)]}
}

func (w *simWorld) user(l *simLink, i, k int) {
	p, m, h := l.port[i], w.ends[i].m, &l.out[i]
	switch {
	case p.State == StateCR && k < 52:
		w.counts.rejects++
		m.Reject(w.now, p, 6, nil)
		l.drop()
	case p.State == StateCR:
		m.Accept(w.now, p, nil, w.options())
	case k < 70 && !p.Closing && (p.State == StateRUN || p.State == StateCC):
		b := make([]byte, w.rng.IntN(300))
		for j := range b {
			b[j] = simOctet(l.id, i, h.written+j)
		}
		end := w.rng.IntN(4) > 0
		begun := p.data.messages
		n, err := m.Write(w.now, p, b, end)
		if err != nil && err != ErrFull || (err == nil) != (n == len(b) && p.data.open == (!end && (h.open || n > 0))) {
			panic(err)
		}
		h.written += n
		if !p.data.open && (h.open || p.data.messages > begun) {
			h.ends = append(h.ends, h.written)
		}
		h.open = p.data.open
	case k < 74 && p.State == StateRUN && !p.Closing:
		if m.Interrupt(w.now, p, []byte{byte(h.sentInt)}) == nil {
			h.sentInt++
		}
	case k < 88:
		w.readSome(l, i, 1+w.rng.IntN(400))
	case k < 90 && p.State == StateRUN && !p.Closing:
		if m.CutMessage(p); h.open {
			h.ends, h.open = append(h.ends, h.written), false
		}
		m.Disconnect(w.now, p, 0, nil)
		w.counts.disconnects++
		l.out[1-i].dropped = true
	case k == 90 && (p.State == StateRUN || p.State == StateCC):
		m.Abort(w.now, p, 9, nil)
		w.counts.aborts++
		l.drop()
	}
}

func simOctet(link, i, offset int) byte { return byte(link*7 + i*3 + offset) }

var errSim error

// readSome reads at one end, and compares.
func (w *simWorld) readSome(l *simLink, i, n int) {
	p, m, h := l.port[i], w.ends[i].m, &l.out[1-i]
	b := make([]byte, n)
	k, end := m.ReadMessage(p, b)
	for j, v := range b[:k] {
		if v != simOctet(l.id, 1-i, h.read+j) {
			errSim = fmt.Errorf("link %d, end %d: octet %d is wrong", l.id, i, h.read+j)
		}
	}
	h.read += k
	w.counts.octets += k
	if end {
		w.counts.messages++
		if h.message >= len(h.ends) || h.ends[h.message] != h.read {
			errSim = fmt.Errorf("link %d, end %d: message %d ends at %d: %v", l.id, i, h.message, h.read, h.ends)
		}
		h.message++
	}
	if v, ok := m.ReadInterrupt(p); ok {
		w.counts.interrupts++
		if len(v) != 1 || v[0] != byte(h.gotInt) {
			errSim = fmt.Errorf("link %d, end %d: interrupt %v is not %d", l.id, i, v, h.gotInt)
		}
		h.gotInt++
	}
}

func (w *simWorld) readAll(l *simLink, i int) {
	for p := l.port[i]; p != nil; {
		n, end := p.Readable()
		if n == 0 && !end && p.in.interrupts.len() == 0 {
			return
		}
		w.readSome(l, i, 1000)
	}
}

// advance lets time pass to the next thing that happens.
func (w *simWorld) advance() {
	at := w.now.Add(time.Duration(w.rng.IntN(500)) * time.Millisecond)
	for _, e := range w.ends {
		if t := e.m.NextTimeout(); !t.IsZero() && t.Before(at) {
			at = t
		}
	}
	if w.clean {
		at = w.now.Add(500 * time.Millisecond)
	}
	if at.After(w.now) {
		w.now = at
	}
	for _, e := range w.ends {
		e.m.Tick(w.now)
	}
}

// settle moves messages and events until nothing more moves at this time.
func (w *simWorld) settle() error {
	for range 10000 {
		moved := w.deliver()
		for i, e := range w.ends {
			for k, ok := e.m.Next(w.now); ok; k, ok = e.m.Next(w.now) {
				moved = true
				w.send(1-i, k.Message)
			}
			for p, ev, ok := e.m.NextEvent(); ok; p, ev, ok = e.m.NextEvent() {
				moved = true
				if err := w.event(i, p, ev); err != nil {
					return err
				}
			}
			if err := e.check(); err != nil {
				return err
			}
		}
		if errSim != nil {
			return errSim
		}
		if !moved {
			return nil
		}
	}
	return fmt.Errorf("it does not come to rest")
}

func (w *simWorld) send(to int, b []byte) {
	if m, err := Parse(b); err == nil {
		if m.Type == TypeLinkService && m.Switch == Keep && m.Credit == 0 {
			w.counts.probes++
		}
		w.trace("%v to %d: %v", w.now.Sub(epoch), to, &m)
	}
	copies := 1
	var delay time.Duration
	if !w.clean {
		switch k := w.rng.IntN(20); {
		case w.down, k == 0:
			copies, w.counts.lost = 0, w.counts.lost+1
		case k == 1:
			copies, w.counts.doubled = 2, w.counts.doubled+1
		}
	}
	for range copies {
		if !w.clean {
			delay = time.Duration(w.rng.IntN(3)*w.rng.IntN(100)) * time.Millisecond
		}
		w.net = append(w.net, simPacket{to, w.now.Add(delay), append([]byte(nil), b...)})
	}
}

func (w *simWorld) deliver() (moved bool) {
	var later []simPacket
	for _, k := range w.net {
		if k.at.After(w.now) {
			later = append(later, k)
			continue
		}
		moved = true
		w.ends[k.to].m.Receive(w.now, w.ends[1-k.to].addr, false, k.b)
	}
	w.net = later
	return moved
}

func (w *simWorld) event(i int, p *Port, ev Events) error {
	if ev&EventConnect != 0 {
		if len(p.Data) != 1 || int(p.Data[0]) >= len(w.links) {
			return fmt.Errorf("connect data %v", p.Data)
		}
		l := w.links[p.Data[0]]
		if l.port[i] != nil || l.by == i || len(l.out[i].ends) > 0 || l.out[1-i].read > 0 {
			l = &simLink{id: l.id} // a connect initiate that was on its way longer than its link lived
			l.drop()
			w.ends[i].m.Reject(w.now, p, 7, nil)
		}
		p.Owner, l.port[i] = l, p
	}
	l := p.Owner.(*simLink)
	if ev&EventEnded == 0 {
		return nil
	}
	if !p.State.Over() {
		return fmt.Errorf("%v has ended", p.State)
	}
	w.readAll(l, i)
	switch p.State {
	case StateDN:
		if p.Reason == 0 { // all that the peer has written before it said so must be here
			h := &l.out[1-i]
			w.counts.flushed++
			if !h.dropped && (h.read != h.written || h.message != len(h.ends) || h.gotInt != h.sentInt) {
				return fmt.Errorf("link %d was disconnected with %d of %d octets, %d of %d messages, %d of %d interrupts", l.id, h.read, h.written, h.message, len(h.ends), h.gotInt, h.sentInt)
			}
		}
		l.drop()
	case StateDIC, StateDRC, StateRJ, StateNR, StateCN, StateNC:
		l.drop()
	}
	w.trace("%d: link %d ends as %v, reason %d", i, l.id, p.State, p.Reason)
	l.port[i] = nil
	w.ends[i].m.Release(p)
	return nil
}

// check looks at the bounds.
func (e *simEnd) check() error {
	m := e.m
	if len(m.ports) > m.cfg.Links || len(m.stray) > maxStray || len(m.timers) > len(m.ports) || m.pending < 0 || m.pending > m.cfg.Pending {
		return fmt.Errorf("%v: %d links, %d strays, %d timers, %d pending", e.addr, len(m.ports), len(m.stray), len(m.timers), m.pending)
	}
	for _, p := range m.ports {
		s, in := &p.data, &p.in
		if s.buf.len() > m.cfg.SendBuffer || s.segs.len() > maxQueued+1 || int(s.end-s.base) != s.segs.len() || s.next > s.high && s.next > s.end ||
			in.buf.len()+in.kept > m.hardLimit(p) || len(in.early) > maxEarly || p.other.queue.len() > maxOther || in.interrupts.len() > 1 {
			return fmt.Errorf("%v: link %04x is beyond a bound", e.addr, p.Local)
		}
	}
	return nil
}

// finish ends what is left.
func (w *simWorld) finish() {
	for _, l := range w.links {
		for i, p := range l.port {
			if p == nil {
				continue
			}
			m := w.ends[i].m
			switch {
			case p.State == StateCR:
				m.Reject(w.now, p, 0, nil)
			case p.State == StateRUN && !p.Closing || p.State == StateCC && !p.Closing:
				if m.CutMessage(p); l.out[i].open {
					l.out[i].ends, l.out[i].open = append(l.out[i].ends, l.out[i].written), false
				}
				m.Disconnect(w.now, p, 0, nil)
				l.out[1-i].dropped = true
			case p.State == StateCI || p.State == StateCD:
				m.Release(p)
				l.port[i] = nil
			}
		}
	}
}

func (w *simWorld) check() error {
	for i, e := range w.ends {
		for _, p := range e.m.ports {
			return fmt.Errorf("end %d: link %04x is left in state %v, closing %v, %d segments", i, p.Local, p.State, p.Closing, p.data.segs.len())
		}
	}
	return nil
}
