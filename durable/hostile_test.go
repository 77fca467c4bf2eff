package durable

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/checkpoint"
)

// raw dials a session without a Sender.
func (p *site) raw(t *testing.T) *tenuto.Session {
	t.Helper()
	s, err := p.ep.Dial(bg, "memory://server/x", &tenuto.Config{Units: Units})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// minor sets a synchronization point with any user data.
func minor(s *tenuto.Session, data []byte) error {
	_, err := s.SyncMinor(bg, tenuto.Explicit, data)
	return err
}

// TestHostileSender: what a sender must not send makes an exception or an abort, and nothing of it is committed; others are served.
func TestHostileSender(t *testing.T) {
	good := func() []byte {
		y := newTally(point{})
		y.add([]byte("hello"))
		p := y.cut()
		return p.append(nil)
	}
	change := func(i int, b byte) []byte {
		p := good()
		p[i] ^= b
		return p
	}
	for name, test := range map[string]struct {
		do   func(s *tenuto.Session) error // after the activity's start and five octets
		text string                        // of the exception; empty: an abort
	}{
		"no point": {func(s *tenuto.Session) error { return minor(s, nil) }, "version is not 1"},
		"version":  {func(s *tenuto.Session) error { return minor(s, change(0, 3)) }, "version is not 1"},
		"short":    {func(s *tenuto.Session) error { return minor(s, good()[:41]) }, "41 octets instead of 42"},
		"flags":    {func(s *tenuto.Session) error { return minor(s, change(1, 2)) }, "flags 0x2"},
		"negative": {func(s *tenuto.Session) error { return minor(s, change(2, 0x80)) }, "offset exceeds"},
		"offset":   {func(s *tenuto.Session) error { return minor(s, change(9, 1)) }, "is at octet 4, and 5 have come"},
		"digest":   {func(s *tenuto.Session) error { return minor(s, change(41, 1)) }, "digest differs"},
		"end":      {func(s *tenuto.Session) error { _, err := s.EndActivity(bg, change(41, 1)); return err }, "digest differs"},
		"unknown":  {func(s *tenuto.Session) error { return restart(s, []byte("other"), []byte{version}) }, "unknown activity"},
		"header":   {func(s *tenuto.Session) error { return restart(s, []byte("abc"), nil) }, "parse header: version is not 1"},
		"large header": {func(s *tenuto.Session) error {
			return restart(s, []byte("abc"), append([]byte{version}, make([]byte, MaxHeader+1)...))
		}, "exceed 4096"},
		"resynchronize":  {func(s *tenuto.Session) error { return s.Resynchronize(bg, tenuto.Set, 9, tenuto.TokenSettings{}, nil) }, ""},
		"nothing at all": {func(s *tenuto.Session) error { return errors.Join(s.InterruptActivity(bg, 0, nil), stray(s)) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newSite(t)
				s := p.raw(t)
				for _, err := range []error{s.StartActivity(bg, []byte("abc"), []byte{version}), s.Send(bg, []byte("hello")), test.do(s)} {
					if err != nil {
						t.Fatal(err)
					}
				}
				synctest.Wait()
				for {
					ind, err := s.Receive(bg)
					if ae, ok := errors.AsType[*tenuto.AbortError](err); ok {
						if test.text != "" || !ae.Remote || ae.By != tenuto.User {
							t.Errorf("%v", err)
						}
						break
					} else if err != nil {
						t.Fatal(err)
					}
					if e, ok := ind.(tenuto.ExceptionInd); ok {
						if test.text == "" || !strings.Contains(string(e.Data), test.text) {
							t.Errorf("%s", e.Data)
						}
						s.Abort(nil)
						break
					}
				}
				if p.disk.wrote != 0 {
					t.Errorf("%d octets committed", p.disk.wrote)
				}
				snd := p.sender()
				defer snd.Close()
				if err := snd.Send(bg, Outgoing{ID: "honest", Source: &tape{b: pattern(1000)}}); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// restart interrupts the activity and resumes another, or the same.
func restart(s *tenuto.Session, id, header []byte) error {
	err := s.InterruptActivity(bg, tenuto.NoSpecificReason, nil)
	for cleared := false; err == nil && !cleared; {
		var ind tenuto.Indication
		ind, err = s.Receive(bg)
		_, cleared = ind.(tenuto.ActivityInterruptCnf)
	}
	if err != nil {
		return err
	}
	return s.ResumeActivity(bg, id, tenuto.Resume{ID: id}, header)
}

// stray sends octets outside of an activity.
func stray(s *tenuto.Session) error {
	if ind, err := s.Receive(bg); err != nil {
		return err
	} else if _, ok := ind.(tenuto.ActivityInterruptCnf); !ok {
		return errors.New("no confirm")
	}
	return s.Send(bg, []byte("stray"))
}

// TestHostileReceiver: a sender is told of what a receiver must not say, and the activity can be resumed.
func TestHostileReceiver(t *testing.T) {
	for name, test := range map[string]struct {
		answer func(s *tenuto.Session) error // to S-ACTIVITY-RESUME
		text   string
	}{
		"no point": {func(s *tenuto.Session) error { return s.Resynchronize(bg, tenuto.Set, 1, tenuto.TokenSettings{}, nil) }, "parse point: version is not 1"},
		"far too far": {func(s *tenuto.Session) error {
			p := point{offset: 1 << 40}
			return s.Resynchronize(bg, tenuto.Set, 1, tenuto.TokenSettings{}, p.append(nil))
		}, "offset exceeds the tape"},
		"an exception": {func(s *tenuto.Session) error { return s.ReportException(bg, tenuto.NoSpecificReason, nil) }, "no specific reason"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newSite(t)
				p.stop()
				ep := p.endpoint(t, nil)
				defer ep.Close()
				ln, err := ep.Listen(bg, "memory://hostile", &tenuto.Config{Units: Units})
				if err != nil {
					t.Fatal(err)
				}
				go func() {
					s, err := ln.Accept(bg)
					for err == nil {
						var ind tenuto.Indication
						ind, err = s.Receive(bg)
						switch ind.(type) {
						case tenuto.ActivityResumeInd:
							err = test.answer(s)
						case tenuto.ActivityInterruptInd:
							err = s.RespondInterrupt(bg, nil)
						case tenuto.ReleaseInd:
							err = s.RespondRelease(bg, nil)
						}
					}
				}()
				snd := p.sender()
				snd.Dial = func(ctx context.Context, cfg *tenuto.Config) (*tenuto.Session, error) {
					return p.ep.Dial(ctx, "memory://hostile/x", cfg)
				}
				if _, err := p.sent.Create(bg, checkpoint.Record{Key: snd.key("work")}); err != nil {
					t.Fatal(err)
				}
				if err := snd.Send(bg, Outgoing{ID: "work", Source: &tape{b: pattern(1000)}}); err == nil || !strings.Contains(err.Error(), test.text) {
					t.Errorf("%v", err)
				}
				if r := p.state(t, p.sent, "work"); r.State != checkpoint.Interrupted {
					t.Errorf("%v", r)
				}
				snd.Close()
				p.serve(t)
			})
		})
	}
}

// TestDistance: an activity of any size has less points than there are serial numbers.
func TestDistance(t *testing.T) {
	for _, base := range []int64{MinDistance, DefaultDistance} {
		points, offset := 0, int64(0)
		for d := distance(base, 0); offset < 1<<63-1-d; d = distance(base, offset) {
			offset += d
			points++
		}
		if points > lastSerial {
			t.Errorf("%d points at a distance of %d", points, base)
		}
		t.Logf("%d points at a distance of %d", points, base)
	}
}

func FuzzParse(f *testing.F) {
	p := point{offset: 77, over: true}
	f.Add(p.append(nil))
	f.Add(appendLink(nil, &tenuto.Reference{Calling: []byte("me"), Common: []byte("then")}))
	f.Add(appendHeader([]byte("header")))
	f.Add(bytes.Repeat([]byte{0xff}, 300))
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := parsePoint(b); err == nil && string(p.append(nil)) != string(b) {
			t.Errorf("point %x became %x", b, p.append(nil))
		}
		if h, err := parseHeader(b); err == nil && string(appendHeader(h)) != string(b) {
			t.Errorf("header %x became %x", b, h)
		}
		if r := parseLink(b); len(r.Calling)+len(r.Common) > len(b) {
			t.Errorf("link %x became %v", b, r)
		}
	})
}
