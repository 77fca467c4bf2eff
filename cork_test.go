package tenuto

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tenuto-session/tenuto/spdu"
	"github.com/tenuto-session/tenuto/transport"
	"github.com/tenuto-session/tenuto/transport/transporttest"
)

// A tap notes what is in each TSDU that is sent.
type tap struct {
	transport.Conn
	tsdu  []byte
	tsdus []string
}

func (t *tap) Send(c transport.Cancel, head, b []byte, f transport.SendFlag) (n int, err error) {
	n, err = t.Conn.Send(c, head, b, f)
	if n > 0 || err == nil {
		t.tsdu = append(append(t.tsdu, head...), b[:n]...)
	}
	if err == nil && f&transport.End != 0 {
		pdus, _, err := spdu.Parse(t.tsdu)
		if err != nil {
			panic(err)
		}
		var names []string
		for _, p := range pdus {
			names = append(names, p.String())
		}
		t.tsdus = append(t.tsdus, strings.Join(names, " "))
		t.tsdu = nil
	}
	return n, err
}

var serialNumber = regexp.MustCompile(`serial=\d+`)

func (t *tap) sent(test *testing.T, want ...string) {
	test.Helper()
	for i := range t.tsdus {
		if i < len(want) && strings.Contains(want[i], "serial=N") {
			t.tsdus[i] = serialNumber.ReplaceAllString(t.tsdus[i], "serial=N")
		}
	}
	if !slices.Equal(t.tsdus, want) {
		test.Errorf("sent %q, want %q", t.tsdus, want)
	}
	t.tsdus = nil
}

func openTap(t *testing.T, o transporttest.Options, c *Config) (l *link, sent *tap) {
	l = open(t, o, c, c)
	sent = &tap{Conn: l.a.tc}
	l.a.tc = sent
	return l, sent
}

var corkable = Config{Units: HalfDuplex | MinorSync | Activity | Resync | TypedData, Concatenation: true}

// point is a minor synchronization point whose confirm nobody waits for.
func point(t *testing.T, s *Session, data []byte) SyncMinorInd {
	t.Helper()
	n, err := s.SyncMinor(bg, Optional, data)
	try(t, err, "minor point")
	return SyncMinorInd{Optional, n, data}
}

func TestCork(t *testing.T) {
	l, sent := openTap(t, transporttest.Options{}, &corkable)
	a, b := l.a, l.b
	a.Cork()
	try(t, a.StartActivity(bg, []byte("A"), nil), "start")
	first := point(t, a, []byte("1"))
	sent.sent(t)
	_, err := a.SendPart(bg, []byte("da"), false)
	try(t, err, "data")
	_, err = a.SendPart(bg, []byte("ta"), true)
	try(t, err, "data")
	sent.sent(t, "GT() AS(activity=\"A\") MIP(optional, serial=1, data=1) DT()")
	gets(t, b, ActivityStartInd{ID: []byte("A")}, first, Data{[]byte("data"), true})

	t.Log("no more than a TSDU holds")
	var points []Indication
	for range spdu.MaxConcatenated + 1 {
		points = append(points, point(t, a, nil))
	}
	sent.sent(t, "GT()"+strings.Repeat(" MIP(optional, serial=N)", spdu.MaxConcatenated))
	try(t, a.Uncork(bg), "uncork")
	sent.sent(t, "GT() MIP(optional, serial=N)")
	gets(t, b, points...)

	t.Log("nor more octets")
	a.Cork()
	points = append(points[:0], point(t, a, pattern(maxHeld/2)), point(t, a, pattern(maxHeld/2)))
	sent.sent(t, "GT() MIP(optional, serial=N, data=8192)")

	t.Log("what cannot share the TSDU comes behind it")
	try(t, a.SendTyped(bg, []byte("x")), "typed data")
	try(t, a.GiveTokens(bg, DataToken, nil), "give")
	sent.sent(t, "GT() MIP(optional, serial=N, data=8192)", "TD()", "GT(tokens=data)")
	gets(t, b, points[0], points[1], TypedDataInd{[]byte("x"), true}, TokenGiveInd{Tokens: DataToken})

	t.Log("answers share one too")
	sent = &tap{Conn: b.tc}
	b.tc = sent
	b.Cork()
	try(t, b.ConfirmSync(bg, 2, nil), "confirm")
	try(t, b.ConfirmSync(bg, 3, nil), "confirm")
	try(t, b.Uncork(bg), "uncork")
	sent.sent(t, "PT() MIA(serial=N) MIA(serial=N)")
	gets(t, a, SyncMinorCnf{2, nil}, SyncMinorCnf{3, nil})
}

// TestCorkPurged: a resynchronization drops what waits, and does not wait itself.
func TestCorkPurged(t *testing.T) {
	l, sent := openTap(t, transporttest.Options{NoExpedited: true}, &Config{Units: Duplex | MinorSync | Resync, Serial: 7, Concatenation: true})
	l.a.Cork()
	point(t, l.a, nil)
	try(t, l.a.Resynchronize(bg, Abandon, 0, TokenSettings{}, nil), "resynchronize")
	sent.sent(t, "GT() RS(abandon, serial=N, tokens=all:initiator)")
	if ind, ok := next(t, l.b).(ResyncInd); !ok || ind.Type != Abandon {
		t.Errorf("got %v", ind)
	}
}

// TestCorkEnds: the end of the session drops what waits, and a release sends it.
func TestCorkEnds(t *testing.T) {
	l, sent := openTap(t, transporttest.Options{}, &corkable)
	l.a.Cork()
	try(t, l.a.StartActivity(bg, []byte("A"), nil), "start")
	try(t, l.b.Abort(nil), "abort")
	wantAbort(t, l.a, User, true, ReasonUser, "abort")
	try(t, l.a.Uncork(bg), "uncork")
	sent.sent(t)

	l, sent = openTap(t, transporttest.Options{}, &Config{Units: Duplex | MinorSync, Concatenation: true})
	l.a.Cork()
	p := point(t, l.a, nil)
	try(t, l.a.Release(bg, nil), "release")
	sent.sent(t, "GT() MIP(optional, serial=N)", "FN(released)")
	gets(t, l.b, p, ReleaseInd{})
}

// TestCorkWaits: data that could not be sent leave what waited with them where it was.
func TestCorkWaits(t *testing.T) {
	l, sent := openTap(t, transporttest.Options{Window: 100}, &corkable)
	try(t, l.a.StartActivity(bg, []byte("A"), nil), "start")
	try(t, l.a.Send(bg, pattern(80)), "data")
	l.a.Cork()
	first := point(t, l.a, pattern(50))
	ctx, cancel := context.WithCancel(bg)
	cancel()
	if err := l.a.Send(ctx, []byte("lost")); !errors.Is(err, context.Canceled) {
		t.Errorf("Send: %v", err)
	}
	sent.tsdus = nil
	done := make(chan error, 1)
	go func() { done <- l.a.Send(bg, []byte("data")) }()
	gets(t, l.b, ActivityStartInd{ID: []byte("A")}, Data{pattern(80), true}, first, Data{[]byte("data"), true})
	try(t, <-done, "data")
	sent.sent(t, "GT() MIP(optional, serial=N, data=50) DT()")
}

// TestCorkSegments: with a TSDU maximum size data have a TSDU of their own.
func TestCorkSegments(t *testing.T) {
	c := corkable
	c.TSDUSize = MinTSDUSize
	l, sent := openTap(t, transporttest.Options{}, &c)
	l.a.Cork()
	try(t, l.a.StartActivity(bg, []byte("A"), nil), "start")
	p := point(t, l.a, nil)
	try(t, l.a.Send(bg, []byte("data")), "data")
	point(t, l.a, nil)
	sent.sent(t, "GT() AS(activity=\"A\") MIP(optional, serial=N)", "GT() DT(enclosure=only)")
	gets(t, l.b, ActivityStartInd{ID: []byte("A")}, p, Data{[]byte("data"), true})
}

// TestCorkDeclined: a peer that did not ask for it gets no extended concatenation.
func TestCorkDeclined(t *testing.T) {
	ca, cb := corkable, corkable
	cb.Concatenation = false
	l := open(t, transporttest.Options{}, &ca, &cb)
	l.a.Cork()
	try(t, l.a.StartActivity(bg, []byte("A"), nil), "start")
	p := point(t, l.a, nil)
	gets(t, l.b, ActivityStartInd{ID: []byte("A")}, p)
	try(t, l.a.Uncork(bg), "uncork")
}
