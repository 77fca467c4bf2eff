package tenuto

import (
	"testing"

	"github.com/tenuto-session/tenuto/spm"
	"github.com/tenuto-session/tenuto/transport"
	"github.com/tenuto-session/tenuto/transport/transporttest"
)

var (
	sconReq = spm.Event{Kind: spm.SCONreq, Units: Duplex}
	tconCnf = spm.Event{Kind: spm.TCONcnf}
)

// FuzzSession feeds a connected session TSDUs of a peer that keeps no rule, on both flows: it never panics, and what is no
// protocol ends it.
func FuzzSession(f *testing.F) {
	f.Add([]byte("\x05\x01\x00\x01\x00x\x02\x0a\x00"), true)
	f.Add([]byte("\x02\x09\x00\x02\x0a\x00"), false)
	f.Add([]byte("\x85\x07\x03\x18\x01\x04\x07\x19\x05\x11\x01\x03\xc1\x00"), true)
	f.Add([]byte("\x08\x01\x00\x01\x03\x19\x01\x01x\x08\x01\x00\x01\x03\x19\x01\x02y"), false)
	f.Add([]byte("\x06\x09\x04\x11\x01\x01\x19\x06\x09\x04\x19\x01\x02\xc1"), true)
	f.Fuzz(func(t *testing.T, stream []byte, byConn bool) {
		ta, tb := transporttest.Pipe(transporttest.Options{Window: 1 << 20})
		s := newSession(tb, Config{})
		for _, ev := range []spm.Event{{Kind: spm.TCONind, Expedited: true}, {Kind: spm.CN, Units: Duplex}, {Kind: spm.SCONrspPos, Units: Duplex}} {
			if err := s.m.Step(ev); err != nil {
				t.Fatal(err)
			}
		}
		s.m.Drain()
		if byConn {
			s.Conn()
		}
		rush(ta, stream)
		ta.Disconnect(transport.ReasonNormal)
		b := make([]byte, 100)
		for range 1000 {
			_, err := s.receive(transport.Never, b)
			if err != nil {
				return
			}
		}
		t.Fatal("the session does not end")
	})
}
