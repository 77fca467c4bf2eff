package group

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/carrier/memory"
)

// TestRefused: who may not join hears why, and so do the group's events; the group goes on.
func TestRefused(t *testing.T) {
	good := Description{Group: testGroup, Stream: 1, Rate: Rate{Num: 1000, Den: 1}}
	with := func(change func(*Description)) []byte {
		d := good
		change(&d)
		return d.append(nil)
	}
	for want, data := range map[string][]byte{
		"stream 0 has a member already":                        with(func(d *Description) { d.Stream = 0 }),
		"stream 64: a group has 64, from 0 on":                 with(func(d *Description) { d.Stream = 64 }), // the 65th
		"is another one":                                       with(func(d *Description) { d.Group[0]++ }),
		"stream 1 has times of 90000/s, and the group's are 1": with(func(d *Description) { d.Rate.Num = 90000 }),
		"neither part may be 0":                                with(func(d *Description) { d.Rate.Den = 0 }),
		"name: 65 octets exceed 64":                            with(func(d *Description) { d.Name = strings.Repeat("x", 65) }),
		"not UTF-8":                                            with(func(d *Description) { d.Name = "\xff" }),
		"version is not 1":                                     nil,
		"flags 0x80":                                           append([]byte{1, 0x80}, good.append(nil)[2:]...),
		"26 octets are less than 27":                           good.append(nil)[:26],
		"functional units FD, and":                             good.append(nil),
	} {
		t.Run(want, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newSite(t, memory.New(), nil)
				a := p.join(Member{Stream: 0})
				units := Units
				if strings.Contains(want, "units") {
					units = tenuto.Duplex
				}
				_, err := p.dial(bg, &tenuto.Config{Units: units, UserData: data})
				refused, ok := errors.AsType[*tenuto.RefusedError](err)
				if !ok || !strings.Contains(string(refused.Data), want) {
					t.Errorf("got %v", err)
				}
				p.wantsEvent(Refused, want)
				p.send(a, 7)
				p.next("0:7!")
			})
		})
	}
}

// unitAt is a unit on the wire.
func unitAt(t uint64, more ...byte) []byte {
	return append(binary.BigEndian.AppendUint64(nil, t), more...)
}

// TestFailed: a member that does what it may not is aborted with a sentence, and the others go on.
func TestFailed(t *testing.T) {
	at := func(n int64) []byte { return mark{n, 1}.append(nil) }
	for want, do := range map[string]func(s *tenuto.Session) error{
		"mark at time 10: time goes backward": func(s *tenuto.Session) error {
			_, err := s.SyncMinor(bg, tenuto.Optional, at(20))
			_, err2 := s.SyncMinor(bg, tenuto.Optional, at(10))
			return errors.Join(err, err2)
		},
		"unit at time 9: time goes backward": func(s *tenuto.Session) error { return s.Send(bg, unitAt(9)) },
		"parse unit: time exceeds 2^63-1":    func(s *tenuto.Session) error { return s.Send(bg, unitAt(math.MaxInt64+1)) },
		"a unit of 7 octets has no time":     func(s *tenuto.Session) error { return s.Send(bg, make([]byte, 7)) },
		"the unit is larger than the buffer": func(s *tenuto.Session) error { return s.Send(bg, make([]byte, 100_000)) },
		"parse mark: version is not 1":       func(s *tenuto.Session) error { _, err := s.SyncMinor(bg, tenuto.Optional, nil); return err },
		"parse mark: time exceeds 2^63-1":    func(s *tenuto.Session) error { _, err := s.SyncMinor(bg, tenuto.Optional, at(-1)); return err },
		"parse mark: 2 octets instead of 18": func(s *tenuto.Session) error { _, err := s.SyncMinor(bg, tenuto.Optional, at(1)[:2]); return err },
		"parse mark: flags 0x1":              func(s *tenuto.Session) error { _, err := s.SyncMinor(bg, tenuto.Optional, []byte{1, 1}); return err },
		"parse mark: clock exceeds": func(s *tenuto.Session) error {
			_, err := s.SyncMinor(bg, tenuto.Optional, mark{1, -1}.append(nil))
			return err
		},
		"that has no place here: S-TOKEN-GIVE": func(s *tenuto.Session) error { return s.GiveTokens(bg, tenuto.MinorToken, nil) },
		"parse mark: version is not": func(s *tenuto.Session) error {
			return s.Resynchronize(bg, tenuto.Set, 1, tenuto.TokenSettings{}, nil)
		},
		"a unit outside of an activity": func(s *tenuto.Session) error {
			return errors.Join(s.InterruptActivity(bg, tenuto.NoSpecificReason, nil), confirmed(s), s.Send(bg, unitAt(50)))
		},
	} {
		t.Run(want, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newSite(t, memory.New(), func(c *ReceiverConfig) { c.Buffer = 50_000 })
				a := p.join(Member{Stream: 0})
				d := Description{Group: testGroup, Stream: 1, Rate: Rate{Num: 1000, Den: 1}}
				s, err := p.dial(bg, &tenuto.Config{Units: Units, UserData: d.append(nil)})
				if err != nil {
					t.Fatal(err)
				}
				if err := s.StartActivity(bg, []byte("x"), at(10)); err != nil {
					t.Fatal(err)
				}
				if err := do(s); err != nil {
					if _, over := errors.AsType[*tenuto.AbortError](err); !over {
						t.Fatal(err)
					}
				}
				_, err = s.Receive(bg)
				if ae, ok := errors.AsType[*tenuto.AbortError](err); !ok || !strings.Contains(string(ae.Data), want) {
					t.Errorf("got %v", err)
				}
				p.wantsEvent(Failed, want)
				p.wantsEvent(Lost, "stream 1")
				p.send(a, 7)
				p.next("0:7!")
			})
		})
	}
}

func confirmed(s *tenuto.Session) error {
	_, err := s.Receive(bg)
	return err
}

// TestReceiverFailed: a receiver that does what it may not ends the stream, with a sentence.
func TestReceiverFailed(t *testing.T) {
	for want, do := range map[string]func(s *tenuto.Session) error{
		"parse position: version is not 1": func(s *tenuto.Session) error {
			return s.Resynchronize(bg, tenuto.Set, 1, tenuto.TokenSettings{}, nil)
		},
		"parse position: time exceeds 2^63-1": func(s *tenuto.Session) error {
			return s.Resynchronize(bg, tenuto.Set, 1, tenuto.TokenSettings{}, position{false, -1}.append(nil))
		},
		"parse position: 2 octets": func(s *tenuto.Session) error {
			return s.Resynchronize(bg, tenuto.Set, 1, tenuto.TokenSettings{}, []byte{1, 1})
		},
		"has no place here: S-DATA": func(s *tenuto.Session) error { return s.Send(bg, []byte("x")) },
	} {
		t.Run(want, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newSite(t, memory.New(), nil)
				ln, err := p.server.Listen(bg, "memory://rogue", &tenuto.Config{Units: Units, UserData: answer{100}.append(nil)})
				if err != nil {
					t.Fatal(err)
				}
				accepted := make(chan *tenuto.Session, 1)
				go func() {
					s, _ := ln.Accept(bg)
					accepted <- s
				}()
				st, err := p.snd.Join(bg, func(ctx context.Context, cfg *tenuto.Config) (*tenuto.Session, error) {
					return p.sender.Dial(ctx, "memory://rogue/x", cfg)
				}, Member{Stream: 3})
				if err != nil {
					t.Fatal(err)
				}
				s := <-accepted
				if err := st.Send(bg, 1, nil); err != nil {
					t.Fatal(err)
				}
				for range 2 { // the start, and the unit
					if err := confirmed(s); err != nil {
						t.Fatal(err)
					}
				}
				if err := do(s); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if err := st.Send(bg, 2, nil); err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

// TestSenderRefuses: what a stream's own user may not do is an error, and changes nothing.
func TestSenderRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newSite(t, memory.New(), func(c *ReceiverConfig) { c.Buffer = 5000 })
		a := p.join(Member{Stream: 0})
		p.send(a, 10)
		for want, err := range map[string]error{
			"stream 0: send: time goes backward":                 a.Send(bg, 9, nil),
			"stream 0: mark: time goes backward":                 a.Mark(bg, 9),
			"stream 0: mark: time exceeds 2^63-1":                a.Mark(bg, math.MinInt64),
			"stream 0: send: the unit is larger than the buffer": a.Send(bg, 10, make([]byte, 5000)),
			"stream 0: resume: the stream is not paused":         a.Resume(bg, 1),
			"stream 0: resume: time exceeds":                     a.Resume(bg, -1),
			"stream 0: skip: time exceeds":                       a.Skip(bg, -1),
		} {
			if err == nil || !strings.HasPrefix(err.Error(), "group: "+want) {
				t.Errorf("got %v, want %s", err, want)
			}
		}
		for want, m := range map[string]Member{
			"group: stream 0: join: it has been joined already":      {},
			"group: stream 64: join: a group has 64 streams, from 0": {Stream: 64},
			"group: stream -1: join: a group has 64 streams, from 0": {Stream: -1},
			"group: stream 1: join: name: 65 octets exceed 64":       {Stream: 1, Name: strings.Repeat("x", 65)},
			"group: stream 1: join: name: not UTF-8":                 {Stream: 1, Name: "\xff"},
		} {
			if _, err := p.snd.Join(bg, p.dial, m); err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("got %v, want %s", err, want)
			}
		}
		other, err := NewSender(&SenderConfig{Group: testGroup, Rate: Rate{Num: 1000, Den: 1}})
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		_, err = other.Join(bg, p.dial, Member{}) // as another process would
		if r, ok := errors.AsType[*tenuto.RefusedError](err); !ok || string(r.Data) != "stream 0 has a member already" {
			t.Errorf("got %v", err)
		}
		p.send(a, 10)
		p.next("0:10! 0:10")
	})
	if _, err := NewSender(&SenderConfig{}); err == nil {
		t.Error("a sender without a rate")
	}
	for want, c := range map[string]ReceiverConfig{
		"rate":                          {},
		"buffer of 4095 octets is less": {Rate: Nanoseconds, Buffer: 4095},
		"MaxSkew":                       {Rate: Nanoseconds, MaxSkew: -1},
		"delay":                         {Rate: Nanoseconds, Delay: -1},
	} {
		if _, err := NewReceiver(&c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestMarkless: a stream that never marks is reported, and so is one whose times are of another unit; the others go on.
func TestMarkless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newSite(t, memory.New(), nil)
		a, b, c := p.join(Member{Stream: 0}), p.join(Member{Stream: 1}), p.join(Member{Stream: 2})
		p.send(a, 0)
		p.send(b, 0)
		p.send(c, 0)
		p.send(c, 20_000_000) // microseconds
		p.next("0:0! 1:0! 2:0!")
		for i := int64(10); i < 6000; i += 10 {
			p.send(a, i)
			p.send(b, i)
			if err := b.Mark(bg, i); err != nil {
				t.Fatal(err)
			}
			p.next(fmt.Sprintf("0:%d 1:%d", i, i))
		}
		p.wantsEvent(Unmarked, "stream 0: has sent units for 5.")
		p.wantsEvent(Ahead, "stream 2: leaps ahead by 5h33m20s, to 20000000: is its unit another one?")
	})
}

// TestFullGroup: 64 streams are one group.
func TestFullGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newSite(t, memory.New(), nil)
		var want []string
		for n := range MaxStreams {
			p.send(p.join(Member{Stream: n}), int64(n))
			want = append(want, fmt.Sprintf("%d:%d!", n, n))
		}
		begin := time.Now()
		p.next(strings.Join(want, " "))
		if d := time.Since(begin); d > 250*ms {
			t.Error(d)
		}
		if len(p.rcv.Members()) != MaxStreams {
			t.Error(len(p.rcv.Members()))
		}
	})
}
