package bridge

import (
	"testing"
	"time"
)

// attachedPair is two machines on their first carrier, of which all round trips are measured.
func attachedPair(t testing.TB) (i, r *Machine) {
	t.Helper()
	limits := Limits{Streams: 10, Window: MinCredit}
	i = New(InitiatorRole, Keys{Epoch: 1}, new(testSettings), testSettings, limits)
	r = New(ResponderRole, Keys{Epoch: 1}, new(testSettings), testSettings, limits)
	i.Attach(simStart)
	r.Attach(simStart)
	for range measurements {
		i.live.probe(simStart)
		r.live.probe(simStart)
		exchange2(t, i, r, simStart)
	}
	return i, r
}

// reattach begins another carrier as both drivers do, without the handshake.
func reattach(m *Machine) {
	m.Keys.Epoch++
	m.Attach(simStart)
}

// exchange2 delivers all that both have to say; data are received and taken by the user at once.
func exchange2(t testing.TB, i, r *Machine, now time.Time) {
	t.Helper()
	for i.Want() || r.Want() {
		for _, p := range [][2]*Machine{{i, r}, {r, i}} {
			for f, _, ok := p[0].Next(now); ok; f, _, ok = p[0].Next(now) {
				e, err := p[1].Handle(now, f)
				if err != nil {
					t.Fatal(err)
				}
				if e.Kind == EffectData && e.Stream != nil {
					p[1].Advance(e.Stream, f.Length-e.Drop)
					p[1].Consumed(e.Stream, f.Length-e.Drop)
				}
			}
		}
	}
}

// TestLiveness: B6, Lesson 16. With something owed a dead carrier is noticed after twice the patience; an idle one after the heartbeat.
func TestLiveness(t *testing.T) {
	dead := func(m *Machine, from time.Time) time.Duration {
		for now := from; now.Before(from.Add(time.Minute)); {
			next := m.NextTimeout()
			if next.IsZero() {
				t.Fatal("no timeout")
			}
			if next.Before(now) {
				next = now
			}
			now = next
			if m.Tick(now) {
				return now.Sub(from)
			}
			for _, _, ok := m.Next(now); ok; _, _, ok = m.Next(now) {
			}
		}
		t.Fatal("a dead carrier is never noticed")
		return 0
	}
	i, _ := attachedPair(t)
	i.Write(i.Open(), 100)
	for _, _, ok := i.Next(simStart); ok; _, _, ok = i.Next(simStart) {
	}
	if d := dead(i, simStart); d != 2*probeMin {
		t.Errorf("with data outstanding it took %v, want %v", d, 2*probeMin)
	}
	i, _ = attachedPair(t)
	if d := dead(i, simStart); d > 2*probeMin {
		t.Errorf("after something came it took %v, want at most %v", d, 2*probeMin)
	}
	// A carrier that has been idle for long.
	i, r := attachedPair(t)
	now := simStart
	for range 20 {
		now = i.NextTimeout()
		if i.Tick(now) {
			t.Fatal("a carrier that answers is taken for dead")
		}
		r.Tick(now)
		exchange2(t, i, r, now)
	}
	if gap := i.NextTimeout().Sub(now); gap != testSettings.Heartbeat {
		t.Errorf("an idle carrier is probed every %v, want %v", gap, testSettings.Heartbeat)
	}
	if d := dead(i, now); d > testSettings.Heartbeat+probeMin {
		t.Errorf("an idle carrier took %v, want at most %v", d, testSettings.Heartbeat+probeMin)
	}
}

// TestLivenessFull: a PING that the carrier does not take counts as unanswered.
func TestLivenessFull(t *testing.T) {
	i, _ := attachedPair(t)
	i.Write(i.Open(), 100)
	for f, _, ok := i.Next(simStart); ok && f.Type != FrameData; f, _, ok = i.Next(simStart) {
	}
	now := simStart
	for range 3 {
		now = i.NextTimeout()
		if i.Tick(now) {
			break
		}
	}
	if d := now.Sub(simStart); d != 2*probeMin || !i.Tick(now) {
		t.Errorf("at %v it is not noticed", d)
	}
}

// TestAckDelay: Lesson 7. A lone DATA frame is acknowledged after ackDelay, a quarter of the window at once.
func TestAckDelay(t *testing.T) {
	i, r := attachedPair(t)
	s := i.Open()
	i.Write(s, 100)
	var got *Stream
	receive := func() {
		for f, _, ok := i.Next(simStart); ok; f, _, ok = i.Next(simStart) {
			e, err := r.Handle(simStart, f)
			if err != nil {
				t.Fatal(err)
			}
			if e.Kind == EffectData {
				got = e.Stream
				r.Advance(e.Stream, f.Length)
			}
		}
	}
	receive()
	if r.Want() {
		t.Error("a lone frame is acknowledged at once")
	}
	if at := r.NextTimeout(); at != simStart.Add(ackDelay) {
		t.Errorf("the acknowledgement is due after %v, want %v", at.Sub(simStart), ackDelay)
	}
	r.Tick(simStart.Add(ackDelay))
	if f, _, ok := r.Next(simStart); !ok || f.Type != FrameAck || f.Arg != 100 {
		t.Errorf("after the delay: %v, %v", f, ok)
	}
	i.Write(s, MinCredit/4)
	receive()
	if f, _, ok := r.Next(simStart); !ok || f.Type != FrameAck || f.Arg != 100+MinCredit/4 {
		t.Errorf("after a quarter of the window: %v, %v", f, ok)
	}
	// Data take the acknowledgement along.
	i.Write(s, 100)
	receive()
	r.Write(got, 10)
	if f, _, _ := r.Next(simStart); f.Type != FrameAck {
		t.Errorf("before data: %v", f)
	}
	if f, _, _ := r.Next(simStart); f.Type != FrameData {
		t.Errorf("after the acknowledgement: %v", f)
	}
}

// TestTurns: B5, Lesson 8. Streams send by turns, control overtakes data, and a stream without credit holds up no other.
func TestTurns(t *testing.T) {
	i, _ := attachedPair(t)
	a, b := i.Open(), i.Open()
	b.Credit = 10 * MaxData
	i.Write(a, 10*MaxData)
	i.Write(b, 3*MaxData)
	var got []string
	for f, _, ok := i.Next(simStart); ok; f, _, ok = i.Next(simStart) {
		got = append(got, f.Type.String()+string('0'+rune(f.Stream)))
		if len(got) == 4 {
			i.Close(a, 0)
		}
	}
	want := []string{"OPEN1", "OPEN3", "DATA1", "DATA3", "CLOSE1", "DATA3", "DATA3"}
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for k := range want {
		if got[k] != want[k] {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
}

// TestHostilePeer: what no honest peer sends is a *ProtocolError.
func TestHostilePeer(t *testing.T) {
	for name, f := range map[string]Frame{
		"unknown stream":          {Type: FrameData, Stream: 9, Length: 1},
		"our parity":              {Type: FrameOpen, Stream: 9, Arg: MinCredit},
		"tiny credit":             {Type: FrameOpen, Stream: 2, Arg: 1},
		"gap":                     {Type: FrameData, Stream: 1, Length: 1, Arg: 5},
		"beyond credit":           {Type: FrameData, Stream: 1, Length: MinCredit + 1},
		"acknowledges the future": {Type: FrameAck, Stream: 1, Arg: 1, Credit: MinCredit},
		"expedited gap":           {Type: FrameExpedited, Stream: 1, Length: 1, Arg: 1},
		"skip beyond credit":      {Type: FrameSkip, Stream: 1, Arg: MinCredit + 2},
		"CLOSED without CLOSE":    {Type: FrameClosed, Stream: 1},
		"READY again":             {Type: FrameReady},
		"DONE of a responder":     {Type: FrameDone},
	} {
		i, _ := attachedPair(t)
		i.Open()
		for _, _, ok := i.Next(simStart); ok; _, _, ok = i.Next(simStart) {
		}
		if e, err := i.Handle(simStart, f); err == nil {
			t.Errorf("%s: %v was accepted: %+v", name, f, e)
		}
	}
}

// FuzzMachine feeds a machine with any frames: it never panics, and never holds more than its limits.
func FuzzMachine(f *testing.F) {
	f.Add([]byte{1, 2, 0, 2, 2, 5, 3, 2, 9, 4, 2, 0, 6, 2, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, _ := attachedPair(t)
		own := m.Open()
		m.Write(own, 1000)
		for ; len(b) >= 3; b = b[3:] {
			fr := Frame{Type: FrameType(b[0]%13 + 1), Stream: uint32(b[1] % 40), Length: 1 + int(b[2])%16, Arg: uint64(b[2]) << (b[1] % 16)}
			if b[0]&0x80 != 0 {
				m.Tick(simStart.Add(time.Duration(b[2]) * time.Second))
			}
			wire, _ := fr.AppendBinary(nil)
			g, n, err := ParseFrame(wire)
			if err != nil || n == 0 {
				continue
			}
			e, err := m.Handle(simStart, g)
			if err != nil {
				return
			}
			if e.Kind == EffectData && e.Stream != nil {
				m.Advance(e.Stream, g.Length-e.Drop)
			}
			if e.Kind == EffectExpect && e.Stream != nil {
				m.AdvanceExpedited(e.Stream)
			}
			for k := 0; k < int(b[1]%4); k++ {
				m.Next(simStart)
			}
			if int(m.PeerStreams) > 2*m.Limits.Streams {
				t.Fatalf("%d streams", m.PeerStreams)
			}
			for _, s := range m.Streams {
				if s.Next > s.Granted+1 || s.ExpNext-s.ExpConsumed > MaxExpeditedQueue {
					t.Fatalf("%+v", s)
				}
			}
		}
	})
}

// TestClosedIsLost: a peer whose CLOSED are lost with their carriers, again and again, comes to no limit by it. It has forgotten the
// streams that it does not name in its positions.
func TestClosedIsLost(t *testing.T) {
	for name, cut := range map[string]FrameType{"before READY": FrameReady, "after READY": FrameClosed} {
		limits := Limits{Streams: 2, Window: MinCredit}
		set := testSettings
		set.Streams = 2
		i := New(InitiatorRole, Keys{Epoch: 1}, new(set), set, limits)
		r := New(ResponderRole, Keys{Epoch: 1}, new(set), set, limits)
		for round := range 10 {
			reattach(i)
			reattach(r)
			for i.Open() != nil {
			}
			for f, _, ok := i.Next(simStart); ok && f.Type != cut; f, _, ok = i.Next(simStart) {
				e, err := r.Handle(simStart, f)
				if err != nil {
					t.Fatalf("%s, round %d: %v", name, round, err)
				}
				if e.Kind == EffectOpened {
					if r.TooMany() {
						t.Fatalf("%s, round %d: stream %d is one too many", name, round, f.Stream)
					}
					r.Close(e.Stream, 0)
				}
			}
			for f, _, ok := r.Next(simStart); ok; f, _, ok = r.Next(simStart) {
				if _, err := i.Handle(simStart, f); err != nil {
					t.Fatalf("%s, round %d: %v", name, round, err)
				}
			}
		}
		reattach(i)
		reattach(r)
		exchange2(t, i, r, simStart)
		if n := len(i.Streams) + len(r.Streams) + int(r.PeerStreams+r.PeerClosing); n != 0 {
			t.Errorf("%s: %d and %d streams are left, %d of the peer's, %d closing", name, len(i.Streams), len(r.Streams), r.PeerStreams, r.PeerClosing)
		}
	}
}

// TestOneRoundTrip: Lesson 14. Positions go out behind ATTACH, so that the responder has octets to send again before it hears another word;
// the initiator has them as soon as ATTACHED and the positions behind it are there.
func TestOneRoundTrip(t *testing.T) {
	i, r := attachedPair(t)
	a, b := i.Open(), r.Open()
	i.Write(a, 10)
	r.Write(b, 10)
	exchange2(t, i, r, simStart)
	i.Write(a, 100)
	r.Write(b, 100)
	for _, m := range []*Machine{i, r} { // what is sent now is lost with the carrier
		for _, _, ok := m.Next(simStart); ok; _, _, ok = m.Next(simStart) {
		}
	}
	reattach(i)
	var positions []Frame
	for f, _, ok := i.NextPosition(simStart); ok; f, _, ok = i.NextPosition(simStart) {
		positions = append(positions, f)
	}
	reattach(r)
	for _, f := range positions {
		if _, err := r.Handle(simStart, f); err != nil {
			t.Fatal(err)
		}
	}
	sent := func(from, to *Machine, s *Stream) (data bool) {
		for f, _, ok := from.Next(simStart); ok; f, _, ok = from.Next(simStart) {
			if data = data || f.Type == FrameData && f.Stream == s.ID && f.Arg == 10 && f.Length == 100; to == nil {
				continue
			}
			e, err := to.Handle(simStart, f)
			if err != nil {
				t.Fatal(err)
			}
			if e.Kind == EffectData {
				to.Advance(e.Stream, f.Length)
			}
		}
		return data
	}
	if !sent(r, i, b) {
		t.Error("the responder waits for more than the positions")
	}
	i.Accepted()
	if !sent(i, nil, a) {
		t.Error("the initiator waits for more than the responder's positions")
	}
}

// TestLongOffsets: Lesson 4. Offsets are absolute, of 64 bits, and count a stream's octets in one direction on all its carriers.
func TestLongOffsets(t *testing.T) {
	const far = 1 << 40
	i, r := attachedPair(t)
	s := i.Open()
	i.Write(s, 10)
	exchange2(t, i, r, simStart)
	p := r.Streams[s.ID]
	for _, n := range []*uint64{&s.Acked, &s.Sent, &s.High, &s.Written, &s.Credit, &p.Next, &p.Consumed, &p.Granted} {
		*n += far
	}
	i.Write(s, MinCredit)
	exchange2(t, i, r, simStart)
	i.Write(s, 100)
	for _, _, ok := i.Next(simStart); ok; _, _, ok = i.Next(simStart) {
	}
	i.Attach(simStart)
	r.Attach(simStart)
	exchange2(t, i, r, simStart)
	if want := uint64(far + MinCredit + 110); p.Next != want || s.Acked > want || s.Written != want {
		t.Errorf("received %d, acknowledged %d, written %d, want %d", p.Next, s.Acked, s.Written, want)
	}
	if back := r.Open(); back.Written != 0 || p.Written != 0 {
		t.Error("the other direction, or another stream, does not count for itself")
	}
}

// TestSlowPath: Lesson 16. A carrier whose first answer takes long is not taken for dead, be it new or attached again, and the patience
// follows the round trip once that is known. A path slower than the first patience is found out by trying.
func TestSlowPath(t *testing.T) {
	type message struct {
		at time.Time
		f  Frame
	}
	for _, row := range []struct {
		oneWay time.Duration
		deaths int
	}{{400 * time.Millisecond, 0}, {1200 * time.Millisecond, 2}} {
		i, r := attachedPair(t)
		i.live.srtt, r.live.srtt = time.Millisecond, time.Millisecond // at first, the path was quick
		now, deaths := simStart, 0
		var wire [2][]message
		attach := func() {
			now = now.Add(row.oneWay)
			i.Attach(now)
			for f, _, ok := i.NextPosition(now); ok; f, _, ok = i.NextPosition(now) {
				wire[1] = append(wire[1], message{now.Add(row.oneWay), f})
			}
			now = now.Add(row.oneWay)
			r.Attach(now)
			now = now.Add(row.oneWay)
			i.Accepted()
		}
		attach()
		for range 2000 {
			now = now.Add(10 * time.Millisecond)
			for k, m := range []*Machine{i, r} {
				if m.Tick(now) {
					deaths++
					wire = [2][]message{}
					attach()
					break
				}
				for f, _, ok := m.Next(now); ok; f, _, ok = m.Next(now) {
					wire[1-k] = append(wire[1-k], message{now.Add(row.oneWay), f})
				}
				for len(wire[k]) > 0 && !now.Before(wire[k][0].at) {
					f := wire[k][0].f
					wire[k] = wire[k][1:]
					if _, err := m.Handle(now, f); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		if deaths > row.deaths {
			t.Errorf("with a round trip of %v the carrier was given up %d times", 2*row.oneWay, deaths)
		}
		if i.RTT() < row.oneWay || r.RTT() < row.oneWay {
			t.Errorf("with a round trip of %v it was measured as %v and %v", 2*row.oneWay, i.RTT(), r.RTT())
		}
	}
}

// TestSimplex: a stream opened for a simplex session is that at the other end, on whichever carrier, and only if that end knows such streams.
func TestSimplex(t *testing.T) {
	i, r := attachedPair(t)
	s := i.Open()
	s.Simplex = true
	f, _, ok := i.Next(simStart)
	for ; ok && f.Type != FrameSimplex; f, _, ok = i.Next(simStart) {
	}
	if !ok || f.Stream != s.ID {
		t.Fatalf("got %v", f)
	}
	e, err := r.Handle(simStart, f)
	if err != nil || e.Kind != EffectOpened || !e.Stream.Simplex {
		t.Fatalf("%+v, %v", e, err)
	}
	if _, err := r.Handle(simStart, Frame{Type: FrameOpen, Stream: s.ID, Arg: MinCredit}); err == nil {
		t.Error("the stream was opened again as another kind")
	}
	_, r = attachedPair(t)
	r.Local.Simplex = false
	if _, err := r.Handle(simStart, f); err == nil {
		t.Error("an end that does not know simplex streams took one")
	}
}
