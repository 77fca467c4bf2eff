package tenuto

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/rfc1006"
	"github.com/tenuto-session/tenuto/spdu"
	"github.com/tenuto-session/tenuto/transport"
	"github.com/tenuto-session/tenuto/transport/transporttest"
)

// A hostile is a peer that says octets and no more than that, on a transport connection whose other end a victim has.
type hostile struct {
	t  *testing.T
	tc transport.Conn
	c  context.Context
}

// hostiles are the transports that hostile peers come by. The function returns both ends; the first is the one that has dialled.
var hostiles = map[string]func(t *testing.T) (a, b transport.Conn){
	"pipe": func(t *testing.T) (a, b transport.Conn) {
		return transporttest.Pipe(transporttest.Options{NoExpedited: true})
	},
	"pipe/expedited": func(t *testing.T) (a, b transport.Conn) { return transporttest.Pipe(transporttest.Options{}) },
	"osi":            func(t *testing.T) (a, b transport.Conn) { return overTCP(t, false) },
	"osi/expedited":  func(t *testing.T) (a, b transport.Conn) { return overTCP(t, true) },
}

func overTCP(t *testing.T, expedited bool) (a, b transport.Conn) {
	ln, err := rfc1006.Listen(bg, "127.0.0.1:0", &rfc1006.Config{Expedited: expedited})
	try(t, err, "Listen")
	t.Cleanup(func() { ln.Close() })
	accepted := make(chan transport.Conn, 1)
	go func() {
		c, err := ln.Accept(bg)
		if err != nil {
			t.Errorf("Accept: %v", err)
		}
		accepted <- c
	}()
	a, err = rfc1006.Dial(bg, ln.Addr().String(), &rfc1006.Config{Expedited: expedited})
	try(t, err, "Dial")
	return a, <-accepted
}

// meet gives a hostile one end of a transport connection and returns the other one.
func meet(t *testing.T, name string, dials bool) (h *hostile, victim transport.Conn) {
	a, b := hostiles[name](t)
	if !dials {
		a, b = b, a
	}
	ctx, cancel := context.WithTimeout(bg, 20*time.Second)
	stop := context.AfterFunc(ctx, a.Wake)
	t.Cleanup(func() {
		stop()
		cancel()
		a.Disconnect(transport.ReasonShutdown)
		b.Disconnect(transport.ReasonShutdown)
	})
	return &hostile{t, a, ctx}, b
}

// says sends TSDUs in hexadecimal, those after a ! on the expedited flow.
func (h *hostile) says(tsdus string) {
	h.t.Helper()
	for tsdu := range strings.SplitSeq(tsdus, ";") {
		digits, expedited := strings.CutPrefix(strings.TrimSpace(tsdu), "!")
		b := unhex(h.t, digits)
		var err error
		if expedited {
			err = h.tc.SendExpedited(h.c, b)
		} else {
			_, err = h.tc.Send(h.c, nil, b, transport.End)
		}
		if err == transport.ErrExpedited || gone(err) || errors.As(err, new(*transport.DisconnectError)) {
			return // the victim has had enough, or says so
		}
		try(h.t, err, "send "+tsdu)
	}
}

// unhex reads octets in hexadecimal; {N} behind one repeats it.
func unhex(t *testing.T, digits string) []byte {
	t.Helper()
	digits = repeated.ReplaceAllStringFunc(digits, func(s string) string {
		n, err := strconv.Atoi(s[3 : len(s)-1])
		try(t, err, s)
		return strings.Repeat(s[:2], n)
	})
	b, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
	try(t, err, digits)
	return b
}

var repeated = regexp.MustCompile(`[0-9A-F]{2}\{[0-9]+\}`)

// hears is the next TSDU in hexadecimal, after a ! if it is expedited, or "gone".
func (h *hostile) hears() string {
	h.t.Helper()
	var tsdu []byte
	for {
		b := make([]byte, 20000)
		n, end, err := h.tc.Receive(h.c, b)
		switch {
		case err == transport.ErrExpedited:
			if n, ok := h.tc.ReceiveExpedited(b); ok {
				return fmt.Sprintf("!% X", b[:n])
			}
		case err == transport.ErrPurged:
			tsdu = nil
		case errors.As(err, new(*transport.DisconnectError)):
			return "gone"
		case err != nil:
			h.t.Fatalf("the peer hears: %v", err)
		default:
			if tsdu = append(tsdu, b[:n]...); end {
				return fmt.Sprintf("% X", tsdu)
			}
		}
	}
}

// ends checks how the victim ends it: by an abort, which the peer answers by disconnecting, or by disconnecting itself.
func (h *hostile) ends(want string) {
	h.t.Helper()
	got := h.hears()
	if got = strings.TrimPrefix(got, "!"); got != want {
		h.t.Errorf("the peer hears %s, want %s", got, want)
	}
	if got != "gone" {
		h.tc.Disconnect(transport.ReasonNormal)
	}
}

// cn is the CN of a hostile that says it right.
func cn(t *testing.T, change func(*spdu.CN)) string {
	p := spdu.CN{Units: Duplex, ConnectItem: spdu.ConnectItem{Version: Version2}}
	if change != nil {
		change(&p)
	}
	b, err := p.AppendBinary(nil)
	try(t, err, "CN")
	return hex.EncodeToString(b)
}

// A journal is a log that can be waited for.
type journal struct {
	mu    sync.Mutex
	text  strings.Builder // guarded by mu
	lines chan struct{}
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	select {
	case j.lines <- struct{}{}:
	default:
	}
	return j.text.Write(b)
}

func (j *journal) want(t *testing.T, what string) {
	t.Helper()
	for {
		j.mu.Lock()
		text := j.text.String()
		j.text.Reset()
		j.mu.Unlock()
		if strings.Contains(text, what) {
			return
		}
		if text != "" {
			t.Errorf("the log says\n     %swant %s", text, what)
			return
		}
		select {
		case <-j.lines:
		case <-time.After(20 * time.Second):
			t.Fatalf("the log does not say %s", what)
		}
	}
}

// TestHostileConnect: what comes in place of a CN ends the transport connection, and a CN that cannot be taken is refused with a reason; the log says
// why. The listener, and the sessions it has, go on.
func TestHostileConnect(t *testing.T) {
	j := &journal{lines: make(chan struct{}, 1)}
	ep, ln := osiEndpoint(t, &EndpointConfig{Logger: slog.New(slog.NewTextHandler(j, nil))}, nil)
	a, b := dialOSI(t, ep, ln, "", nil)
	for _, row := range []struct {
		name string
		says string
		gets []string // until it is gone
		log  string
	}{
		{"data", "01 00 01 00 61", nil,
			"spdu: DT: not allowed in state 01C, at octet 2 (X.225 Annex A)"},
		{"FN", "09 00", nil,
			"spdu: FN: not allowed in state 01C, at octet 0 (X.225 Annex A)"},
		{"AB", "19 03 11 01 03", nil,
			"tenuto: session aborted by user (peer): user"},
		{"garbage", "47 45 54 20 2F", nil,
			"spdu: parse TSDU: SI 71: short SPDUs and null encoding are not done, at octet 0 (x225 2.2)"},
		{"short connect", "E8 02", nil,
			"spdu: parse TSDU: SI 232: short SPDUs and null encoding are not done, at octet 0 (x225 2.2)"},
		{"LI", "0D 05 14 02 00", nil,
			"spdu: parse CN: LI 5 exceeds the 3 octets there are, at octet 0 (x225 2.1)"},
		{"duplicate", "0D 08 14 02 00 02 14 02 00 02", nil,
			"spdu: parse CN: PI 20 (session user requirements): occurs twice, at octet 6 (x225 2.1)"},
		{"misplaced", "0D 03 11 01 01", nil,
			"spdu: parse CN: PI 17 (transport disconnect): not a parameter of this SPDU, at octet 2 (x225 2.5)"},
		{"selector of 17 octets", "0D 13 34 11 61{17}", nil,
			"spdu: parse CN: PI 52 (called or responding session selector): length 17 exceeds 16, at octet 2 (x225 2.4)"},
		{"reference of 65 octets", "0D 45 01 43 0A 41 61{65}", nil,
			"spdu: parse CN: PI 10 (calling SS-user reference): length 65 exceeds 64, at octet 4 (x225 2.4)"},
		{"serial number", "0D 05 05 03 17 01 41", nil,
			"spdu: parse CN: PI 23 (initial serial number): octet 0x41 is not a digit, at octet 4 (X.225 8.3.1.10)"},
		{"user data too long", "0D FF 02 05 C1 FF 02 01 61{513}", nil,
			"spdu: parse CN: PGI 193 (user data): length 513 exceeds 512, at octet 4 (x225 2.4)"},
		{"extended user data too short", "0D 0D 05 03 16 01 02 C2 06 61{6}", nil,
			"spdu: parse CN: PGI 194 (extended user data): length 6 does not exceed 512, at octet 7 (x225 2.4)"},
		{"extended user data in version 1", "0D FF 02 0A 05 03 16 01 01 C2 FF 02 01 61{513}", nil,
			"spdu: parse CN: PGI 194 (extended user data): length 513 exceeds 512 when version 1 is proposed, at octet 9 (x225 2.10)"},
		{"no version that is known", "0D 0C 05 06 13 01 00 16 01 04 14 02 00 02", []string{"0C 09 11 01 01 16 01 03 32 01 84"},
			"tenuto: service \\\"\\\" refused: protocol versions not supported: spdu: CN: PI 22 (version number): of version set 0x3 is none there, at octet 7 (x225 2.6)"},
		{"half-duplex", "0D 0C 05 06 13 01 00 16 01 02 14 02 00 01", []string{"0C 06 11 01 01 32 01 85"},
			"tenuto: service \\\"\\\" refused: rejected by the provider: spdu: CN: PI 20 (session user requirements): HD of half-duplex and duplex, and not FD, at octet 10 (x225 1.1)"},
		{"default units", "0D 00", []string{"0C 06 11 01 01 32 01 85"},
			"tenuto: service \\\"\\\" refused: rejected by the provider: spdu: CN: PI 20 (session user requirements): HD of half-duplex and duplex, and not FD, at octet 0 (x225 1.1)"},
		{"TSDU maximum size", "0D 12 05 0C 13 01 00 15 04 00 3F 00 00 16 01 02 14 02 00 02", []string{"0C 06 11 01 01 32 01 86"},
			"tenuto: service \\\"\\\" refused: implementation restriction: spdu: CN: PI 21 (TSDU maximum size): a size is below 64, at octet 7 (x225 2.6)"},
		{"TSDU maximum size in version 1", "0D 12 05 0C 13 01 00 15 04 00 00 00 3F 16 01 01 14 02 00 02", []string{"0C 06 11 01 01 32 01 85"},
			"tenuto: service \\\"\\\" refused: rejected by the provider: spdu: CN: PI 21 (TSDU maximum size): a size is below 64, at octet 7 (x225 2.6)"},
		{"DT in place of CDO", "0D FF 28 10 05 03 16 01 02 14 02 00 02 3C 01 01 C2 FF 28 00 61{10240}; 01 00 01 00 61", []string{"10 03 16 01 02"},
			"spdu: DT: not allowed in state 01D, at octet 2 (X.225 Annex A)"},
		{"CDO with PI 22 for user data", "0D FF 28 10 05 03 16 01 02 14 02 00 02 3C 01 01 C2 FF 28 00 61{10240}; 0F 06 19 01 02 16 01 61", []string{"10 03 16 01 02"},
			"spdu: parse CDO: PI 22 (version number): in a segment that continues an SSDU, at octet 5 (x225 2.5)"},
		{"CDO with a wrong enclosure item", "0D FF 28 10 05 03 16 01 02 14 02 00 02 3C 01 01 C2 FF 28 00 61{10240}; 0F 06 19 01 01 C1 01 61", []string{"10 03 16 01 02"},
			"spdu: parse CDO: PI 25 (enclosure item): first, at octet 2 (x225 2.7)"},
	} {
		t.Run(row.name, func(t *testing.T) {
			tc, err := rfc1006.Dial(bg, ln.Addr().String(), nil)
			try(t, err, "Dial")
			ctx, cancel := context.WithTimeout(bg, 20*time.Second)
			defer cancel()
			defer context.AfterFunc(ctx, tc.Wake)()
			h := &hostile{t, tc, ctx}
			h.says(row.says)
			var got []string
			for g := h.hears(); g != "gone"; g = h.hears() {
				if got = append(got, g); strings.HasPrefix(g, "0C") { // who gets RF disconnects
					h.tc.Disconnect(transport.ReasonNormal)
					break
				}
			}
			if !slices.Equal(got, row.gets) {
				t.Errorf("the peer hears %q, want %q", got, row.gets)
			}
			j.want(t, row.log)
			for _, pair := range [][2]*Session{{a, b}, {b, a}} {
				try(t, pair[0].Send(bg, []byte("well")), "data of another session")
				gets(t, pair[1], Data{[]byte("well"), true})
			}
		})
	}
	c, d := dialOSI(t, ep, ln, "", nil)
	try(t, c.Send(bg, []byte("well")), "data of a later session")
	gets(t, d, Data{[]byte("well"), true})
}

// TestHostileAnswers: what comes in place of AC or RF, or is no AC that can be taken, draws AB, and the user hears what it was.
func TestHostileAnswers(t *testing.T) {
	for _, row := range []struct {
		name  string
		cfg   Config
		says  string
		hears string
		err   string
	}{
		{"garbage", Config{}, "FE 00", "19 07 11 01 05 31 02 FE 00",
			"spdu: parse TSDU: SI 254: short SPDUs and null encoding are not done, at octet 0 (x225 2.2)"},
		{"no LI", Config{}, "0E", "19 06 11 01 05 31 01 0E",
			"spdu: parse AC: no LI, at octet 0 (x225 2.1)"},
		{"data", Config{}, "01 00 01 00 61", "19 07 11 01 05 31 02 01 00",
			"spdu: DT: not allowed in state 02A, at octet 2 (X.225 Annex A)"},
		{"CN", Config{}, "0D 00", "19 07 11 01 05 31 02 0D 00",
			"spdu: CN: not allowed in state 02A, at octet 0 (X.225 Annex A)"},
		{"OA", Config{}, "10 03 16 01 02", "19 0A 11 01 05 31 05 10 03 16 01 02",
			"spdu: OA: not allowed in state 02A, at octet 0 (X.225 Annex A)"},
		{"AC without connect/accept item", Config{}, "0E 00", "19 07 11 01 05 31 02 0E 00",
			"spdu: AC: PI 22 (version number): version 1 answered to 2, at octet 0 (x225 2.6)"},
		{"two versions", Config{}, "0E 08 05 06 13 01 00 16 01 03", "19 0E 11 01 05 31 09 0E 08 05 06 13 01 00 16 01",
			"spdu: parse AC: PI 22 (version number): version set 0x3 is not one version, at octet 7 (x225 2.7)"},
		{"a version that was not proposed", Config{}, "0E 0C 05 06 13 01 00 16 01 01 14 02 00 02", "19 0E 11 01 05 31 09 0E 0C 05 06 13 01 00 16 01",
			"spdu: AC: PI 22 (version number): version 1 answered to 2, at octet 7 (x225 2.6)"},
		{"neither half-duplex nor duplex", Config{}, "0E 0C 05 06 13 01 00 16 01 02 14 02 00 01", "19 0E 11 01 05 31 09 0E 0C 05 06 13 01 00 16 01",
			"spdu: AC: of half-duplex and duplex exactly one is to be selected, at octet 0 (X.225 Annex A)"},
		{"half-duplex and duplex", Config{Units: HalfDuplex | Duplex}, "0E 0C 05 06 13 01 00 16 01 02 14 02 00 03", "19 0E 11 01 05 31 09 0E 0C 05 06 13 01 00 16 01",
			"spdu: AC: of half-duplex and duplex exactly one is to be selected, at octet 0 (X.225 Annex A)"},
		{"a TSDU maximum size above the one proposed", Config{TSDUSize: 100}, "0E 12 05 0C 13 01 00 15 04 00 65 00 64 16 01 02 14 02 00 02", "19 0E 11 01 05 31 09 0E 12 05 0C 13 01 00 15 04",
			"spdu: AC: PI 21 (TSDU maximum size): size 101 answered to 100, at octet 7 (x225 2.6)"},
		{"none though one was proposed", Config{TSDUSize: 100}, "0E 0C 05 06 13 01 00 16 01 02 14 02 00 02", "19 0E 11 01 05 31 09 0E 0C 05 06 13 01 00 16 01",
			"spdu: AC: PI 21 (TSDU maximum size): size 0 answered to 100, at octet 0 (x225 2.6)"},
		{"no place for a token", Config{Units: HalfDuplex, Tokens: TokenSettings{Choose: DataToken}}, "0E 0F 05 09 13 01 00 16 01 02 1A 01 02 14 02 00 01", "19 0E 11 01 05 31 09 0E 0F 05 09 13 01 00 16 01",
			"spdu: AC: PI 26 (token setting item): it does not say where the data token is, at octet 10 (x225 2.7)"},
		{"segments out of order", Config{}, "0E 0F 05 06 13 01 00 16 01 02 14 02 00 02 19 01 01; 0A 00", "19 07 11 01 05 31 02 0A 00",
			"spdu: parse DN: PI 25 (enclosure item): none segment within a AC, at octet 0 (X.225 7.37.1)"},
		{"RF with a wrong length", Config{}, "0C 04 11 02 01 00", "19 0B 11 01 05 31 06 0C 04 11 02 01 00",
			"spdu: parse RF: PI 17 (transport disconnect): length 2 is not 1, at octet 2 (x225 2.4)"},
		{"AC in place of OA", Config{UserData: pattern(10241)}, "0E 0C 05 06 13 01 00 16 01 02 14 02 00 02", "19 0E 11 01 05 31 09 0E 0C 05 06 13 01 00 16 01",
			"spdu: AC: not allowed in state 02B, at octet 0 (X.225 Annex A)"},
		{"OA of version 1", Config{UserData: pattern(10241)}, "10 03 16 01 01", "19 0A 11 01 05 31 05 10 03 16 01 01",
			"spdu: parse OA: PI 22 (version number): version set 0x1 is not version 2, at octet 2 (x225 2.7)"},
		{"OA with a small TSDU maximum size", Config{UserData: pattern(10241)}, "10 09 15 04 00 10 00 00 16 01 02", "19 0E 11 01 05 31 09 10 09 15 04 00 10 00 00 16",
			"spdu: OA: PI 21 (TSDU maximum size): size 16 is below 64, at octet 2 (x225 2.6)"},
		{"AC with a responding selector of 17 octets", Config{}, "0E 1F 05 06 13 01 00 16 01 02 14 02 00 02 34 11 61{17}", "19 0E 11 01 05 31 09 0E 1F 05 06 13 01 00 16 01",
			"spdu: parse AC: PI 52 (called or responding session selector): length 17 exceeds 16, at octet 14 (x225 2.4)"},
	} {
		for name := range hostiles {
			t.Run(row.name+"/"+name, func(t *testing.T) {
				h, tc := meet(t, name, false)
				failed := make(chan error, 1)
				go func() {
					_, err := connect(bg, tc, &row.cfg)
					failed <- err
				}()
				h.hears() // CN
				h.says(row.says)
				if err := <-failed; err == nil || err.Error() != aborted+row.err {
					t.Errorf("the user hears\n     %v\nwant %s", err, aborted+row.err)
				}
				h.ends(row.hears)
			})
		}
	}
}
