package node

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/elap"
	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/nbp"
	"github.com/tenuto-session/tenuto/appletalk/port"
	"github.com/tenuto-session/tenuto/appletalk/zip"
)

var start = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// alone is a node that has found nobody.
func alone(t *testing.T, kind link.Kind) (*Machine, time.Time) {
	t.Helper()
	m := NewMachine(start, kind, link.Hardware{2, 0, 0, 0, 0, 1}, Settings{}, rand.New(rand.NewPCG(1, 2)))
	now := start
	var out link.Output
	if err := m.Start(now, &Echo{}, &out); !errors.Is(err, ErrNotReady) {
		t.Errorf("a call before there is an address: %v", err)
	}
	for m.Snapshot().State != Ready {
		now = m.Next()
		m.Tick(now, &out)
	}
	return m, now
}

// finish lets time pass until the node's calls are over.
func finish(m *Machine, now time.Time, out *link.Output) (done []Call) {
	for at := now; !at.IsZero(); at = m.Next() {
		m.Tick(at, out)
		if done = append(done, m.Done()...); len(m.calls) == 0 {
			break
		}
	}
	return done
}

// TestAlone: without a router the node reaches its own cable, and itself.
func TestAlone(t *testing.T) {
	for _, kind := range []link.Kind{link.LocalTalk, link.EtherTalk} {
		m, now := alone(t, kind)
		var out link.Output
		if s := m.Snapshot(); s.Zone != zip.Own || s.Router || kind == link.EtherTalk && (s.Cable.Range != unknown || !ddp.IsStartup(s.Addr.Net)) {
			t.Errorf("%v: %+v", kind, s)
		}
		for _, tt := range []struct {
			name string
			c    Call
			want error
		}{
			{"list", &List{Function: zip.FunctionGetZoneList}, ErrNoRouter},
			{"routes", &Routes{}, ErrNoRouter},
			{"lookup elsewhere", &Lookup{Entity: nbp.Entity{Object: "=", Type: "=", Zone: "Home"}}, ErrNoRouter},
		} {
			if err := m.Start(now, tt.c, &out); !errors.Is(err, tt.want) {
				t.Errorf("%v: %s: %v, want %v", kind, tt.name, err, tt.want)
			}
		}
		name := nbp.Entity{Object: "Me", Type: "Test", Zone: "*"}
		register, echo := &Register{Lookup: Lookup{Entity: name}, Socket: 200}, &Echo{To: m.Addr(), Wait: time.Second}
		for _, c := range []Call{register, echo, &NetInfo{}} {
			if err := m.Start(now, c, &out); err != nil {
				t.Errorf("%v: %v", kind, err)
			}
		}
		done := finish(m, now, &out)
		if len(done) != 3 || register.Err() != nil || echo.Err() != nil {
			t.Errorf("%v: %d calls are over: %v, %v", kind, len(done), register.Err(), echo.Err())
		}
		lookup := &Lookup{Entity: nbp.Entity{Object: "=", Type: "=", Zone: "*"}}
		if err := m.Start(now, lookup, &out); err != nil {
			t.Fatal(err)
		}
		finish(m, now, &out)
		if got, want := fmt.Sprint(lookup.Found()), fmt.Sprintf("[Me:Test@*=%v:200/0]", m.Addr()); got != want {
			t.Errorf("%v: found %s, want %s", kind, got, want)
		}
		if err := m.Start(now, &Register{Lookup: Lookup{Entity: name}}, &out); err == nil {
			t.Errorf("%v: a name is registered twice", kind)
		}
	}
}

// TestLimits: sockets and calls have an end, and a call's socket is its own.
func TestLimits(t *testing.T) {
	m, now := alone(t, link.LocalTalk)
	var out link.Output
	for _, s := range []uint8{ddp.SocketRTMP, ddp.SocketNBP, ddp.SocketAEP, ddp.SocketZIP, 255} {
		if _, err := m.Open(s); err == nil {
			t.Errorf("socket %d", s)
		}
	}
	n := 0
	for ; ; n++ {
		if err := m.Start(now, &Echo{To: ddp.Addr{Node: 99}, Wait: time.Second}, &out); err != nil {
			break
		}
	}
	seen := map[uint8]bool{}
	for _, c := range m.calls {
		seen[c.base().socket] = true
	}
	if n != maxCalls || len(seen) != maxCalls {
		t.Errorf("%d calls on %d sockets", n, len(seen))
	}
	for n = 0; ; n++ {
		s, err := m.Open(0)
		if err != nil {
			break
		}
		if seen[s] {
			t.Errorf("socket %d is a call's", s)
		}
	}
	if n == 0 || n > maxSockets {
		t.Errorf("%d sockets", n)
	}
	m.Shut(m.sockets[0])
	if _, err := m.Open(0); err != nil {
		t.Error(err)
	}
}

// TestNotBelieved: answers that nobody asked for, and what strangers say, change nothing.
func TestNotBelieved(t *testing.T) {
	m, now := alone(t, link.EtherTalk)
	var out link.Output
	before := m.Snapshot()
	for _, tt := range []struct {
		socket uint8
		typ    ddp.Type
		data   []byte
	}{
		{ddp.SocketZIP, ddp.TypeZIP, zip.NetInfo{Range: ddp.Range{First: 3, Last: 5}, Requested: "Evil", Multicast: zip.Multicast("Evil")}.Append(nil)},
		{ddp.SocketZIP, ddp.TypeZIP, zip.Notify{Old: "*x", New: "Evil"}.Append(nil)},
		{ddp.SocketZIP, ddp.TypeZIP, []byte{7, 0}},
		{ddp.SocketNBP, ddp.TypeNBP, []byte{0x30, 1}},
		{ddp.SocketNBP, ddp.TypeNBP, []byte{1}},
		{ddp.SocketAEP, ddp.TypeAEP, []byte{2, 1}},
		{ddp.SocketAEP, ddp.TypeAEP, []byte{9}},
		{ddp.SocketRTMP, ddp.TypeRTMP, []byte{0, 3, 8}},
		{77, ddp.TypeADSP, []byte{1}},
	} {
		d := ddp.Datagram{Dst: ddp.Socket{Addr: ddp.Addr{Node: ddp.Broadcast}, Num: tt.socket}, Src: ddp.Socket{Addr: ddp.Addr{Net: 3, Node: 9}, Num: 6}, Type: tt.typ, Data: tt.data}
		b, err := d.AppendLong(elap.Begin(nil, elap.Broadcast, link.Hardware{8, 0, 7, 0, 0, 1}, elap.Data))
		if err != nil {
			t.Fatal(err)
		}
		m.Frame(now, 0, elap.Finish(b, 0), &out)
	}
	if after := m.Snapshot(); after != before || out.Len() != 0 {
		t.Errorf("%+v, with %d frames", after, out.Len())
	}
	if m.Counts[port.Unasked] != 3 || m.Counts[port.BadPacket] != 4 || m.Counts[port.ClosedSocket] != 1 {
		t.Errorf("%v", m.Counts)
	}
}

// TestOthersAnswers: the answer to another node's GetNetInfo, which is sent to all, is not taken by one that asks for the default zone.
func TestOthersAnswers(t *testing.T) {
	m := NewMachine(start, link.EtherTalk, link.Hardware{2, 0, 0, 0, 0, 1}, Settings{}, rand.New(rand.NewPCG(1, 2)))
	var out link.Output
	for m.Snapshot().State != Asking {
		m.Tick(m.Next(), &out)
	}
	d := ddp.Datagram{Dst: ddp.Socket{Addr: ddp.Addr{Node: ddp.Broadcast}, Num: ddp.SocketZIP}, Src: ddp.Socket{Addr: ddp.Addr{Net: 3, Node: 9}, Num: 6},
		Type: ddp.TypeZIP, Data: zip.NetInfo{Range: ddp.Range{First: 3, Last: 5}, Requested: "Third", Multicast: zip.Multicast("Third")}.Append(nil)}
	m.deliver(start, &d, true, &out)
	if s := m.Snapshot(); s.Zone != zip.Own || s.State != Asking || m.Counts[port.Unasked] != 1 {
		t.Errorf("%+v", s)
	}
}

// TestZone: a node whose zone the cable does not have is in the default zone; one with an answer that is not to its question is in none.
func TestZone(t *testing.T) {
	m := NewMachine(start, link.EtherTalk, link.Hardware{2, 0, 0, 0, 0, 1}, Settings{Zone: "Gone", Hint: ddp.Addr{Net: 4, Node: 7}}, rand.New(rand.NewPCG(1, 2)))
	var out link.Output
	for m.Snapshot().State != Asking {
		m.Tick(m.Next(), &out)
	}
	now := m.Next()
	m.Tick(now, &out)
	out.Reset()
	tell := func(info zip.NetInfo) {
		d := ddp.Datagram{Dst: ddp.Socket{Addr: ddp.Addr{Node: ddp.Broadcast}, Num: ddp.SocketZIP}, Src: ddp.Socket{Addr: ddp.Addr{Net: 3, Node: 9}, Num: 6},
			Type: ddp.TypeZIP, Data: info.Append(nil)}
		b, err := d.AppendLong(elap.Begin(nil, elap.Broadcast, link.Hardware{8, 0, 7, 0, 0, 1}, elap.Data))
		if err != nil {
			t.Fatal(err)
		}
		m.Frame(now, 0, elap.Finish(b, 0), &out)
	}
	tell(zip.NetInfo{Range: ddp.Range{First: 3, Last: 5}, Requested: "Other", Multicast: zip.Multicast("Other")})
	if s := m.Snapshot(); s.Zone != zip.Own || s.State != Asking {
		t.Errorf("an answer to another question: %+v", s)
	}
	tell(zip.NetInfo{Flags: zip.Invalid, Range: ddp.Range{First: 3, Last: 5}, Requested: "Gone", Multicast: zip.Multicast("Office"), Default: "Office"})
	if s := m.Snapshot(); s.Zone != "Office" || s.State != Ready || s.Addr != (ddp.Addr{Net: 4, Node: 7}) || s.Cable.Router != (ddp.Addr{Net: 3, Node: 9}) {
		t.Errorf("%+v", s)
	}
	if len(out.Joins) != 1 || out.Joins[0].Address != zip.Multicast("Office") {
		t.Errorf("joined %v", out.Joins)
	}
	// The zone is renamed, and the node asks for the new name from then on.
	n := zip.Notify{Old: "office", Multicast: zip.Multicast("Neu"), New: "Neu"}
	d := ddp.Datagram{Dst: ddp.Socket{Addr: ddp.Addr{Node: ddp.Broadcast}, Num: ddp.SocketZIP}, Src: ddp.Socket{Addr: ddp.Addr{Net: 3, Node: 9}, Num: 6},
		Type: ddp.TypeZIP, Data: n.Append(nil)}
	m.settings.Zone = "Office"
	m.deliver(now, &d, true, &out)
	if m.zone != "Neu" || m.settings.Zone != "Neu" || len(out.Joins) != 3 || out.Joins[1].Address != zip.Multicast("Neu") || !out.Joins[2].Leave {
		t.Errorf("in %s, with %s saved; joined %v", m.zone, m.settings.Zone, out.Joins)
	}
}
