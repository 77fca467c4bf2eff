package tenuto

import (
	"testing"

	"github.com/tenuto-session/tenuto/spdu"
	"github.com/tenuto-session/tenuto/spm"
	"github.com/tenuto-session/tenuto/transport"
	"github.com/tenuto-session/tenuto/transport/transporttest"
)

// sips receives at most n octets at a time: TSDUs come in parts.
type sips struct {
	transport.Conn
	n int
}

func (s sips) Receive(c transport.Cancel, b []byte) (int, bool, error) {
	return s.Conn.Receive(c, b[:min(len(b), s.n)])
}

// FuzzConnect feeds a session that listens, or that dials, TSDUs of a peer that keeps no rule, in parts of any size, with an expedited flow and
// without: it never panics nor waits for ever, and what it holds stays within its limits. The octet before each TSDU has its length, and says whether
// it is expedited.
func FuzzConnect(f *testing.F) {
	const (
		ac  = "\x0e\x0e\x0c\x05\x06\x13\x01\x00\x16\x01\x02\x14\x02\x04\x37"
		cn  = "\x0e\x0d\x0c\x05\x06\x13\x01\x00\x16\x01\x02\x14\x02\x04\x37"
		mip = "\x07\x01\x00\x31\x03\x2a\x01\x30"
		rs  = "\x0a\x01\x00\x35\x06\x1b\x01\x01\x2a\x01\x30"
	)
	f.Add([]byte(cn+mip+rs), byte(0))
	f.Add([]byte(cn+"\x83\x05\x00x"+"\x85\x07\x03\x18\x01\x02"+rs+"\x02\x09\x00"), byte(4))
	f.Add([]byte(ac+mip+"\x05\x01\x00\x01\x00x"+"\x02\x0a\x00"), byte(1))
	f.Add([]byte("\x83\x05\x00x"+ac+"\x85\x07\x03\x18\x01\x01"+"\x0a\x02\x00\x2a\x03\x2a\x01\x30"), byte(5))
	f.Add([]byte("\x05\x10\x03\x16\x01\x02"+ac), byte(3))
	f.Add([]byte("\x0c\x0c\x04\x32\x02\x02x\x11\x01\x01\x00\x00\x00"), byte(1))
	f.Fuzz(func(t *testing.T, stream []byte, how byte) {
		dials, overflows, expedited, size := how&1 != 0, how&2 != 0, how&4 != 0, 1+int(how>>3)*3
		ta, tb := transporttest.Pipe(transporttest.Options{Window: 1 << 20, NoExpedited: !expedited})
		defer tb.Disconnect(transport.ReasonShutdown) // else TIM keeps all of it
		defer ta.Disconnect(transport.ReasonShutdown)
		cfg, err := (&Config{Units: allUnits, Concatenation: size%2 != 0, UserData: make([]byte, 4)}).session(dials)
		if err != nil {
			t.Fatal(err)
		}
		if dials && overflows {
			cfg.UserData = make([]byte, 20000)
		}
		s := newSession(sips{tb, size}, cfg)
		begin(t, s, dials)
		rush(ta, stream)
		b := make([]byte, 100)
		var c transport.Cancel = now{}
		accepted := dials
		for range maxReceives {
			if !accepted && s.m.State() == spm.Connecting {
				accepted = true
				(&Incoming{s}).Accept(bg, &cfg)
			}
			g, err := s.receive(c, b)
			switch {
			case err == errNow: // that was all
				ta.Disconnect(transport.ReasonNormal)
				c = transport.Never
			case err != nil:
				return
			}
			react(s, g.ind)
			if len(s.rx.tsdu) > maxControl+1 || len(s.inds) > maxIndications || s.m.Queued(spm.EX) > maxIndications {
				t.Fatalf("it holds %d octets, %d indications, %d EX", len(s.rx.tsdu), len(s.inds), s.m.Queued(spm.EX))
			}
		}
		t.Fatal("the session does not end")
	})
}

// maxReceives is more than the octets that a stream of the fuzzer can have: each call takes one, or an end.
const maxReceives = 1 << 21

// maxIndications are those that one look at a stream can bring: what a TSDU, or all that are on the expedited flow, hold.
const maxIndications = 2000

// begin makes a session wait for what answers its CN, or for a CN.
func begin(t *testing.T, s *Session, dials bool) {
	s.mu.Lock()
	if !dials {
		s.must(spm.Event{Kind: spm.TCONind, Expedited: s.tc.HasExpedited()}, input{})
		s.perform()
		return
	}
	s.start = true
	cn, rest := spdu.SplitConnect(s.connectPDU())
	s.set.overflow, s.set.cn = rest, cn
	b, err := cn.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	s.must(spm.Event{Kind: spm.SCONreq, Units: cn.Units, Len: len(s.set.cfg.UserData)}, input{})
	s.must(spm.Event{Kind: spm.TCONcnf, Expedited: s.tc.HasExpedited()}, input{tsdus: [][]byte{b}})
	s.perform()
}

// rush sends what the fuzzer made up.
func rush(tc transport.Conn, stream []byte) {
	for len(stream) > 0 {
		n, expedited := int(stream[0]&0x7f), stream[0]&0x80 != 0
		stream = stream[1:]
		n = min(n, len(stream))
		tsdu := stream[:n]
		stream = stream[n:]
		if n == 0 {
			continue
		}
		var err error
		if expedited {
			err = tc.SendExpedited(now{}, tsdu[:min(n, transport.MaxExpedited)])
		} else {
			_, err = tc.Send(now{}, nil, tsdu, transport.End)
		}
		if err != nil {
			return
		}
	}
}

// react answers some of what is indicated, so that the peer's next words meet other states.
func react(s *Session, ind Indication) {
	switch i := ind.(type) {
	case SyncMinorInd:
		s.ConfirmSync(bg, i.Serial, nil)
	case SyncMajorInd:
		s.ConfirmSync(bg, i.Serial, nil)
	case ResyncInd:
		s.RespondResync(bg, i.Serial, 0, nil)
	case ActivityEndInd:
		s.RespondEnd(bg, nil)
	case ActivityInterruptInd:
		s.RespondInterrupt(bg, nil)
	case CapabilityInd:
		s.RespondCapability(bg, nil)
	case TokenPleaseInd:
		s.GiveTokens(bg, i.Tokens, nil)
	case ReleaseInd:
		s.RespondRelease(bg, nil)
	}
}
