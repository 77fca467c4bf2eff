package tenuto

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenuto-session/tenuto/spdu"
	"github.com/tenuto-session/tenuto/transport"
	"github.com/tenuto-session/tenuto/transport/transporttest"
)

// TestConnectParameters: the service, user data of any size both ways (overflow by OA and CDO, segments of AC), the units.
func TestConnectParameters(t *testing.T) {
	for name, o := range pipes {
		for _, n := range []int{0, 512, 513, 10240, 10241, MaxUserData} {
			for _, size := range []int{0, 300} {
				if size != 0 && n > 512 && n <= 10240 {
					continue // a CN is not cut: it is as large as it is
				}
				t.Run(fmt.Sprintf("%s/%d/%d", name, n, size), func(t *testing.T) {
					data := pattern(n)
					l := open(t, o, &Config{Service: "postgres", UserData: data, TSDUSize: size}, &Config{UserData: data})
					if l.b.Service() != "postgres" || l.a.Service() != "postgres" {
						t.Errorf("services %q, %q", l.a.Service(), l.b.Service())
					}
					if !bytes.Equal(l.a.UserData(), data) || !bytes.Equal(l.b.UserData(), data) {
						t.Errorf("user data of %d and %d octets", len(l.a.UserData()), len(l.b.UserData()))
					}
					if l.a.Units() != Duplex || l.b.Units() != Duplex {
						t.Errorf("units %v, %v", l.a.Units(), l.b.Units())
					}
					if int(l.a.sendMax) != size || int(l.b.sendMax) != size {
						t.Errorf("TSDU sizes %d, %d", l.a.sendMax, l.b.sendMax)
					}
				})
			}
		}
	}
}

func TestConfigErrors(t *testing.T) {
	for _, c := range []*Config{
		{Service: "seventeen octets!"},
		{Units: MinorSync},
		{Units: Duplex | spdu.SymmetricSync},
		{Units: Duplex | Exceptions},
		{Units: Duplex | CapabilityData},
		{Units: Duplex | DataSeparation},
		{Units: Duplex | MinorSync | DataSeparation, Version: Version1},
		{Units: Duplex, Version: Version1, UserData: make([]byte, 513)},
		{Serial: MaxSerial + 1},
		{UserData: make([]byte, MaxUserData+1)},
		{TSDUSize: 63},
		{TSDUSize: 65536},
	} {
		ta, tb := transporttest.Pipe(transporttest.Options{})
		if _, err := connect(bg, ta, c); err == nil {
			t.Errorf("%+v was accepted", c)
		}
		var de *transport.DisconnectError
		if _, _, err := tb.Receive(transport.Never, make([]byte, 1)); !errors.As(err, &de) {
			t.Errorf("%+v: the transport is not disconnected: %v", c, err)
		}
	}
}

func TestRefuse(t *testing.T) {
	for _, row := range []struct {
		reason spdu.RefuseReason
		data   []byte
		want   spdu.RefuseReason
	}{
		{spdu.RefusedSelectorUnknown, nil, spdu.RefusedSelectorUnknown},
		{spdu.RefusedByUser, nil, spdu.RefusedByUser},
		{spdu.RefusedCongestion, nil, spdu.RefusedCongestion},
		{spdu.RefusedByUser, []byte("no"), spdu.RefusedWithData},
		{spdu.RefusedWithData, pattern(MaxUserData), spdu.RefusedWithData},
	} {
		ta, tb := transporttest.Pipe(transporttest.Options{})
		done := make(chan error, 1)
		go func() {
			in, err := readConnect(transport.Never, tb, nil)
			if err == nil {
				err = in.Refuse(row.reason, row.data)
			}
			done <- err
		}()
		_, err := connect(bg, ta, nil)
		var re *RefusedError
		if !errors.As(err, &re) || re.Reason != row.want || !bytes.Equal(re.Data, row.data) {
			t.Errorf("%v: %v", row.reason, err)
		}
		try(t, <-done, "Refuse")
		if !ta.Ended() {
			t.Errorf("%v: the transport is not disconnected", row.reason)
		}
	}
}

// answer reads the CN of a connect and answers with octets.
func answer(tc transport.Conn, octets ...string) {
	b := make([]byte, 20000)
	for end := false; !end; {
		var err error
		if _, end, err = tc.Receive(transport.Never, b); err != nil {
			return
		}
	}
	for _, o := range octets {
		tc.Send(transport.Never, nil, []byte(o), transport.End)
	}
}

// TestConnectAnswers: what else than AC and RF comes back.
func TestConnectAnswers(t *testing.T) {
	const ac = "\x0e\x0c\x05\x06\x13\x01\x00\x16\x01"
	for name, octets := range map[string]string{
		"garbage":     "\xfe\x00",
		"version 1":   ac + "\x01\x14\x02\x00\x02",
		"half-duplex": ac + "\x02\x14\x02\x00\x01",
		"CN":          "\x0d\x00",
		"data":        "\x01\x00\x01\x00x",
		"OA":          "\x10\x03\x16\x01\x02",
	} {
		t.Run(name, func(t *testing.T) {
			ta, tb := transporttest.Pipe(transporttest.Options{})
			go answer(tb, octets)
			s, err := connect(bg, ta, nil)
			var ae *AbortError
			if !errors.As(err, &ae) || ae.Reason != ReasonProtocolError || ae.Remote {
				t.Errorf("%v, %v", s, err)
			}
			ta.Disconnect(transport.ReasonNormal)
		})
	}
}

// TestReadConnect: what else than a CN arrives, and CNs that are refused by the machine itself.
func TestReadConnect(t *testing.T) {
	for name, row := range map[string]struct {
		octets string
		reason spdu.RefuseReason // 0: the transport is disconnected
	}{
		"garbage":              {"\xfe\x00", 0},
		"data":                 {"\x01\x00\x01\x00x", 0},
		"FN":                   {"\x09\x00", 0},
		"too long":             {"\x0d\xff\xff\xff" + string(make([]byte, 66000)), 0},
		"unknown version":      {"\x0d\x0c\x05\x06\x13\x01\x00\x16\x01\x04\x14\x02\x00\x02", spdu.RefusedVersions},
		"half-duplex":          {"\x0d\x0c\x05\x06\x13\x01\x00\x16\x01\x02\x14\x02\x00\x01", spdu.RefusedByProvider},
		"tiny TSDUs":           {"\x0d\x12\x05\x0c\x13\x01\x00\x15\x04\x00\x10\x00\x10\x16\x01\x02\x14\x02\x00\x02", spdu.RefusedRestriction},
		"overflow without end": {"", 0},
	} {
		t.Run(name, func(t *testing.T) {
			ta, tb := transporttest.Pipe(transporttest.Options{Window: 1 << 20})
			if row.octets == "" {
				flood(t, ta)
			} else {
				ta.Send(transport.Never, nil, []byte(row.octets), transport.End)
			}
			if in, err := readConnect(transport.Never, tb, nil); err == nil {
				t.Fatalf("indicated %v", in)
			}
			s := newSession(ta, Config{})
			s.m.Step(sconReq)
			s.m.Step(tconCnf)
			s.m.Drain()
			_, err := s.receive(transport.Never, nil)
			for ; err == nil; _, err = s.receive(transport.Never, nil) {
			}
			var re *RefusedError
			var ae *AbortError
			if row.reason != 0 && (!errors.As(err, &re) || re.Reason != row.reason) || row.reason == 0 && !errors.As(err, &ae) {
				t.Errorf("answer: %v", err)
			}
		})
	}
}

// flood sends a CN that overflows and more user data than are taken.
func flood(t *testing.T, tc transport.Conn) {
	cn, _ := spdu.SplitConnect(spdu.CN{ConnectItem: spdu.ConnectItem{Version: spdu.Version2}, Units: Duplex, UserData: pattern(20000)})
	b, err := cn.AppendBinary(nil)
	try(t, err, "CN")
	tc.Send(transport.Never, nil, b, transport.End)
	for range 4 {
		b, err := spdu.CDO{Enclosure: spdu.Middle, UserData: pattern(60000)}.AppendBinary(nil)
		try(t, err, "CDO")
		tc.Send(transport.Never, nil, b, transport.End)
	}
}

// TestVersion1: a peer of version 1 is answered so, and its limits are kept.
func TestVersion1(t *testing.T) {
	ta, tb := transporttest.Pipe(transporttest.Options{NoExpedited: true})
	ta.Send(transport.Never, nil, []byte("\x0d\x0c\x05\x06\x13\x01\x00\x16\x01\x01\x14\x02\x00\x02"), transport.End)
	in, err := readConnect(transport.Never, tb, nil)
	try(t, err, "CN of version 1")
	if _, err := in.Accept(bg, &Config{UserData: pattern(513)}); err == nil {
		t.Error("513 octets of user data in version 1")
	}
	s, err := in.Accept(bg, nil)
	try(t, err, "Accept")
	b := make([]byte, 100)
	n, _, err := ta.Receive(transport.Never, b)
	try(t, err, "AC")
	ac, _, err := spdu.ParseAC(b[:n])
	if err != nil || ac.Version != spdu.Version1 {
		t.Errorf("%v, %v", ac, err)
	}
	if err := s.Abort(pattern(10)); err == nil {
		t.Error("10 octets of user data in an AB of version 1")
	}
	if err := s.Release(bg, pattern(513)); err == nil {
		t.Error("513 octets of user data in an FN of version 1")
	}
	try(t, s.Abort(pattern(9)), "Abort")
	ta.Disconnect(transport.ReasonNormal)
}

// TestConnectTimeout: a peer that does not answer.
func TestConnectTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, row := range []struct{ config, ctx, want time.Duration }{
			{0, time.Hour, defaultConnectTimeout},
			{time.Second, time.Hour, time.Second},
			{time.Minute, time.Second, time.Second},
		} {
			ta, tb := transporttest.Pipe(transporttest.Options{})
			ctx, cancel := context.WithTimeout(bg, row.ctx)
			begin := time.Now()
			if _, err := connect(ctx, ta, &Config{ConnectTimeout: row.config}); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("connect: %v", err)
			}
			if d := time.Since(begin); d != row.want {
				t.Errorf("after %v, want %v", d, row.want)
			}
			cancel()
			// The acceptor that wakes up now has the abort.
			if in, err := readConnect(transport.Never, tb, nil); err == nil {
				s, err := in.Accept(bg, nil)
				if err == nil {
					_, err = s.Receive(bg)
				}
				if err == nil {
					t.Error("the acceptor has a session")
				}
			}
			ta.Disconnect(transport.ReasonNormal)
			tb.Disconnect(transport.ReasonNormal)
		}
	})
}

// TestPleaseInSegments: an AC that asks for tokens does so in segments, too.
func TestPleaseInSegments(t *testing.T) {
	u := Duplex | MinorSync
	l := open(t, transporttest.Options{}, &Config{Units: u, TSDUSize: 700}, &Config{Units: u, PleaseTokens: MinorToken, UserData: pattern(3000)})
	gets(t, l.a, TokenPleaseInd{Tokens: MinorToken})
}
