package durable

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/checkpoint"
	"github.com/tenuto-session/tenuto/spdu"
)

// once runs f the n-th time that it is called.
func once(n int, f func()) func(*checkpoint.Record) {
	return func(*checkpoint.Record) {
		if n--; n == 0 {
			f()
		}
	}
}

// TestHardMoments: what is committed is neither sent nor written again, though something dies at the worst moment.
func TestHardMoments(t *testing.T) {
	const units = 10
	for name, prepare := range map[string]func(t *testing.T, p *site){
		"the session, between commit and confirmation": func(t *testing.T, p *site) {
			p.disk.after = once(4, func() { p.dialled[0].Break() })
		},
		"the session, between the end's commit and its confirmation": func(t *testing.T, p *site) {
			p.disk.after = once(units, func() { p.kill(t) })
		},
		"the session, between the confirmation and its arrival": func(t *testing.T, p *site) {
			confirmed := 0
			p.trace = func(tr tenuto.Trace) {
				if _, ok := tr.SPDU.(spdu.MIA); ok && tr.Sent {
					if confirmed++; confirmed == 4 {
						p.dialled[0].Break()
					}
				}
			}
		},
		"the server, between commit and confirmation": func(t *testing.T, p *site) {
			p.disk.after = once(4, func() { p.kill(t) })
		},
		"the server, when it has been asked to resume": func(t *testing.T, p *site) {
			p.disk.after = once(2, func() { p.kill(t) })
			opened := 0
			p.disk.open = func(*Activity) error {
				if opened++; opened == 2 {
					p.kill(t)
				}
				return nil
			}
		},
		"the carrier, all the time": func(t *testing.T, p *site) {
			p.disk.after = func(*checkpoint.Record) {
				for _, c := range p.nw.Conns() {
					c.Cut()
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newSite(t)
				prepare(t, p)
				snd := p.sender()
				snd.Distance, snd.Window = 10000, 2
				src := &tape{b: pattern(10000*(units-1) + 500), most: 1000, wait: func(int) error { time.Sleep(time.Millisecond); return nil }}
				src.rewound = func(offset int64) {
					if n := len(p.disk.file("work")); int64(n) != offset {
						t.Errorf("sent from octet %d on, though %d are committed", offset, n)
					}
				}
				var last Progress
				if err := snd.Send(bg, Outgoing{ID: "work", Source: src, Progress: func(p Progress) { last = p }}); err != nil {
					t.Fatal(err)
				}
				p.wants(t, "work", src.b)
				if p.disk.ended != 1 || p.disk.wrote != int64(len(src.b)) || last.Committed != int64(len(src.b)) {
					t.Errorf("%d ends, %d octets committed, %+v", p.disk.ended, p.disk.wrote, last)
				}
				if !strings.Contains(name, "carrier") && last.Sessions < 2 {
					t.Errorf("nothing has died: %+v", last)
				}
				snd.Close()
			})
		})
	}
}

// TestTrouble: what the receiver can not do interrupts or discards the activity, with its words.
func TestTrouble(t *testing.T) {
	full := errors.New("disk full")
	for _, test := range []struct {
		name      string
		prepare   func(p *site)
		mend      func(p *site)
		text      string
		discarded bool
	}{
		{"write", func(p *site) { p.disk.write = func() error { return full } }, func(p *site) { p.disk.write = nil }, "disk full", false},
		{"commit", func(p *site) { p.disk.commit = func(*checkpoint.Record) error { return full } }, func(p *site) { p.disk.commit = nil }, "disk full", false},
		{"commit of the end", func(p *site) {
			p.disk.commit = func(r *checkpoint.Record) error {
				if r.State == checkpoint.Ended {
					return full
				}
				return nil
			}
		}, func(p *site) { p.disk.commit = nil }, "disk full", false},
		{"open", func(p *site) { p.disk.open = func(*Activity) error { return full } }, func(p *site) { p.disk.open = nil }, "disk full", false},
		{"refused", func(p *site) {
			p.disk.open = func(*Activity) error { return errors.Join(errors.New("not here"), ErrRefused) }
		}, nil, "not here", true},
		{"refused while it is written", func(p *site) {
			p.disk.write = func() error {
				if len(p.disk.files["work"]) > 0 {
					return errors.Join(errors.New("not such octets"), ErrRefused)
				}
				return nil
			}
		}, nil, "not such octets", true},
		{"exists", func(p *site) {
			p.disk.open = func(a *Activity) error {
				_, err := p.received.Create(bg, checkpoint.Record{Key: a.Key})
				return err
			}
		}, nil, checkpoint.ErrExists.Error(), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newSite(t)
				test.prepare(p)
				snd := p.sender()
				defer snd.Close()
				snd.Distance = 2000
				src := &tape{b: pattern(5000), most: 100}
				err := snd.Send(bg, Outgoing{ID: "work", Source: src})
				pe, ok := errors.AsType[*PeerError](err)
				if !ok || !strings.Contains(pe.Text, test.text) || pe.Discarded != test.discarded || !strings.Contains(err.Error(), pe.Text) {
					t.Fatalf("%v", err)
				}
				state := checkpoint.Interrupted
				if test.discarded {
					state = checkpoint.Discarded
				}
				if r := p.state(t, p.sent, "work"); r.State != state {
					t.Errorf("%+v", r)
				}
				if !slices.Contains([]string{"exists", "refused", "open", "commit"}, test.name) { // which have no record, or can not change it
					if r := p.state(t, p.received, "work"); r.State != state {
						t.Errorf("%v", r)
					}
				}
				if test.discarded && p.disk.file("work") != nil {
					t.Error("what was written is still there")
				}
				if test.mend == nil {
					if err := snd.Send(bg, Outgoing{ID: "work", Source: src}); !errors.Is(err, checkpoint.ErrNotFound) {
						t.Errorf("again: %v", err)
					}
					p.disk.open, p.disk.write = nil, nil // the session serves the next one
					if err := snd.Send(bg, Outgoing{ID: "other", Source: src}); err != nil {
						t.Errorf("another: %v", err)
					}
					return
				}
				test.mend(p)
				if err := snd.Send(bg, Outgoing{ID: "work", Source: src}); err != nil {
					t.Fatal(err)
				}
				p.wants(t, "work", src.b)
				if p.disk.wrote != int64(len(src.b)) {
					t.Errorf("%d octets committed", p.disk.wrote)
				}
			})
		})
	}
}

// TestInterrupt: a person's interrupt is orderly at both ends, and another process goes on, on the same session's bridge or not.
func TestInterrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newSite(t)
		snd := p.sender()
		snd.Distance, snd.Interval = 10000, -1
		ctx, cancel := context.WithCancelCause(bg)
		enough := errors.New("enough for today")
		src := &tape{b: pattern(50000), most: 1000, wait: func(at int) error {
			if at == 25000 {
				synctest.Wait() // what was read before is confirmed
				cancel(enough)
			}
			return nil
		}}
		if err := snd.Send(ctx, Outgoing{ID: "work", Cookie: []byte("mine"), Source: src}); !errors.Is(err, enough) {
			t.Fatal(err)
		}
		for _, st := range []checkpoint.Store{p.sent, p.received} {
			if r := p.state(t, st, "work"); r.State != checkpoint.Interrupted || r.Offset != 20000 || r.Serial != 2 {
				t.Errorf("%+v", r)
			}
		}
		if r := p.state(t, p.sent, "work"); string(r.Cookie) != "mine" || r.Peer != "server" {
			t.Errorf("%+v", r)
		}
		snd.Close()
		src.wait = nil
		src.rewound = func(offset int64) {
			if offset != 20000 {
				t.Errorf("it goes on at %d", offset)
			}
		}
		snd = p.sender()
		defer snd.Close()
		if err := snd.Send(bg, Outgoing{ID: "work", Source: src}); err != nil {
			t.Fatal(err)
		}
		p.wants(t, "work", src.b)
	})
}

// TestDiscard: a person's discard is told to the receiver, also where that knows nothing of the activity.
func TestDiscard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newSite(t)
		snd := p.sender()
		defer snd.Close()
		snd.Distance = 1024
		p.disk.write = func() error {
			if len(p.disk.files["work"]) > 3000 {
				return errDisk
			}
			return nil
		}
		if err := snd.Send(bg, Outgoing{ID: "work", Source: &tape{b: pattern(5000), most: 100}}); err == nil {
			t.Fatal("there was room")
		}
		if err := snd.Discard(bg, "work"); err != nil {
			t.Fatal(err)
		}
		if p.disk.file("work") != nil {
			t.Error("the file is still there")
		}
		if _, err := p.sent.Create(bg, checkpoint.Record{Key: snd.key("ghost"), Serial: 3}); err != nil {
			t.Fatal(err)
		}
		if err := snd.Discard(bg, "ghost"); err != nil {
			t.Error(err)
		}
		for _, id := range []string{"work", "ghost"} {
			if r := p.state(t, p.sent, id); r.State != checkpoint.Discarded {
				t.Errorf("%+v", r)
			}
		}
		if err := snd.Discard(bg, "other"); !errors.Is(err, checkpoint.ErrNotFound) {
			t.Error(err)
		}
	})
}

// TestForgotten: an activity of which a receiver has committed something and forgotten it is discarded; one that never began there is begun.
func TestForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newSite(t)
		snd := p.sender()
		defer snd.Close()
		for id, serial := range map[string]uint32{"lost": 7, "new": 0} {
			rec, err := p.sent.Create(bg, checkpoint.Record{Key: snd.key(id)})
			if err != nil {
				t.Fatal(err)
			}
			rec.Serial = serial
			if err := p.sent.Commit(bg, rec); err != nil {
				t.Fatal(err)
			}
		}
		pe, ok := errors.AsType[*PeerError](snd.Send(bg, Outgoing{ID: "lost", Source: &tape{}}))
		if !ok || !pe.Discarded || !strings.Contains(pe.Text, "unknown activity") {
			t.Errorf("%v", pe)
		}
		if err := snd.Send(bg, Outgoing{ID: "new", Source: &tape{b: pattern(100)}}); err != nil {
			t.Error(err)
		}
		p.wants(t, "new", pattern(100))
	})
}

// TestLateStart: a request to start whose session was lost is carried out after the receiver has said that it knows nothing of the activity.
func TestLateStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newSite(t)
		starts := 0
		p.disk.open = func(a *Activity) error {
			if a.Resumed {
				return nil
			}
			if starts++; starts == 1 {
				go p.dialled[0].Break()
				time.Sleep(time.Second) // the other session resumes meanwhile
			} else {
				time.Sleep(2 * time.Second)
			}
			return nil
		}
		snd := p.sender()
		defer snd.Close()
		src := &tape{b: pattern(5000)}
		if err := snd.Send(bg, Outgoing{ID: "work", Source: src}); err != nil {
			t.Fatal(err)
		}
		p.wants(t, "work", src.b)
		if starts != 2 || p.disk.ended != 1 || len(p.dialled) != 2 {
			t.Errorf("%d starts, %d ends, %d sessions", starts, p.disk.ended, len(p.dialled))
		}
	})
}

// TestLostWhileDiscarded: an activity that the receiver does not know is started, though the session is lost just then.
func TestLostWhileDiscarded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newSite(t)
		snd := p.sender()
		defer snd.Close()
		if _, err := p.sent.Create(bg, checkpoint.Record{Key: snd.key("work")}); err != nil {
			t.Fatal(err)
		}
		var cut sync.Once
		p.trace = func(tr tenuto.Trace) {
			if _, ok := tr.SPDU.(spdu.AD); ok && !tr.Sent {
				cut.Do(func() { go p.dialled[0].Break() })
				time.Sleep(time.Second) // before it is answered
			}
		}
		src := &tape{b: pattern(5000)}
		if err := snd.Send(bg, Outgoing{ID: "work", Source: src}); err != nil {
			t.Fatal(err)
		}
		p.wants(t, "work", src.b)
		if len(p.dialled) != 2 {
			t.Errorf("%d sessions", len(p.dialled))
		}
	})
}

// TestTwoOwners: when an activity is taken over, at either end, the one that had it commits nothing more, and the one that has it now comes to the end.
func TestTwoOwners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newSite(t)
		first, second := p.sender(), p.sender()
		var sending sync.WaitGroup
		halfway := make(chan struct{})
		sending.Go(func() {
			src := &tape{b: pattern(50000), most: 1000, wait: func(at int) error {
				if at == 25000 {
					close(halfway)
					time.Sleep(time.Minute)
				}
				return nil
			}}
			if err := first.Send(bg, Outgoing{ID: "work", Source: src}); !errors.Is(err, checkpoint.ErrFenced) {
				t.Errorf("the first: %v", err)
			}
		})
		<-halfway
		if err := second.Send(bg, Outgoing{ID: "work", Source: &tape{b: pattern(50000)}}); err != nil {
			t.Errorf("the second: %v", err)
		}
		sending.Wait()
		p.wants(t, "work", pattern(50000))
		if p.disk.wrote != 50000 {
			t.Errorf("%d octets committed", p.disk.wrote)
		}
		first.Close()
		second.Close()
	})
}

// TestTakenOver: who has lost an activity to another sender does not take it back.
func TestTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newSite(t)
		slow := func() *tape {
			return &tape{b: pattern(100000), most: 1000, wait: func(int) error { time.Sleep(10 * time.Millisecond); return nil }}
		}
		first, second := p.sender(), p.sender()
		first.Distance, second.Distance = 2000, 2000
		lost := make(chan error)
		go func() { lost <- first.Send(bg, Outgoing{ID: "work", Source: slow()}) }()
		time.Sleep(200 * time.Millisecond)
		if err := second.Send(bg, Outgoing{ID: "work", Source: slow()}); err != nil {
			t.Error(err)
		}
		if err := <-lost; !errors.Is(err, checkpoint.ErrFenced) {
			t.Error(err)
		}
		if len(p.dialled) != 2 {
			t.Errorf("%d sessions", len(p.dialled))
		}
		p.wants(t, "work", pattern(100000))
		first.Close()
		second.Close()
	})
}

// TestTwoReceivers: of two servers on one store the one to which the sender has come last commits, and the other one nothing more.
func TestTwoReceivers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newSite(t)
		ep := p.endpoint(t, nil)
		defer ep.Close()
		ln, err := ep.Listen(bg, "memory://twin", &tenuto.Config{Units: Units})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(bg)
		var serving sync.WaitGroup
		defer serving.Wait()
		defer cancel()
		serving.Go(func() { (&Server{Receiver: p.disk, Logger: p.log}).Serve(ctx, ln) })

		// The first server is slow with its fourth commit, and meanwhile the sender has gone to the other one.
		slow, resume := make(chan struct{}), make(chan struct{})
		commits := 0
		p.disk.early = func(r *checkpoint.Record) {
			if commits++; commits == 4 {
				close(slow)
				<-resume
			}
		}
		snd := p.sender()
		defer snd.Close()
		snd.Distance = 10000
		first := snd.Dial
		dials := 0
		snd.Dial = func(ctx context.Context, cfg *tenuto.Config) (*tenuto.Session, error) {
			if dials++; dials == 1 {
				return first(ctx, cfg)
			}
			return p.ep.Dial(ctx, "memory://twin/x", cfg)
		}
		serving.Go(func() {
			<-slow
			p.dialled[0].Break()
			time.Sleep(time.Second) // by then the other one has all
			close(resume)
		})
		src := &tape{b: pattern(95000), most: 1000}
		if err := snd.Send(bg, Outgoing{ID: "work", Source: src}); err != nil {
			t.Fatal(err)
		}
		<-resume
		synctest.Wait()
		p.wants(t, "work", src.b)
		if p.disk.wrote != int64(len(src.b)) || p.disk.ended != 1 || dials != 2 {
			t.Errorf("%d octets committed, %d ends, %d sessions", p.disk.wrote, p.disk.ended, dials)
		}
	})
}

// TestSlow: what comes slowly is committed at the interval.
func TestSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newSite(t)
		snd := p.sender()
		defer snd.Close()
		snd.Interval = 3 * time.Second
		src := &tape{b: pattern(100), most: 10, wait: func(int) error { time.Sleep(time.Second); return nil }}
		if err := snd.Send(bg, Outgoing{ID: "work", Source: src}); err != nil {
			t.Fatal(err)
		}
		if r := p.state(t, p.received, "work"); r.Serial < 4 || r.Serial > 5 {
			t.Errorf("%d points in 11 s", r.Serial)
		}
	})
}

// TestPointsOfTheSource: the receiver commits where the Source says.
func TestPointsOfTheSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newSite(t)
		snd := p.sender()
		defer snd.Close()
		var at []int64
		p.disk.after = func(r *checkpoint.Record) { at = append(at, r.Offset) }
		if err := snd.Send(bg, Outgoing{ID: "work", Source: &tape{b: pattern(1000), most: 70, mark: 300}}); err != nil {
			t.Fatal(err)
		}
		if len(at) != 4 || at[0] != 300 || at[1] != 600 || at[2] != 900 || at[3] != 1000 {
			t.Errorf("committed at %v", at)
		}
	})
}

// TestErrors: a Source that fails interrupts, and so does a server that does not come back; a server that is not there at first is an error at once.
func TestErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newSite(t)
		snd := p.sender()
		defer snd.Close()
		bad := errors.New("bad sector")
		src := &tape{b: pattern(5000), most: 1000, wait: func(at int) error {
			if at == 3000 {
				return bad
			}
			return nil
		}}
		err := snd.Send(bg, Outgoing{ID: "work", Source: src})
		if _, ok := errors.AsType[*SourceError](err); !ok || !errors.Is(err, bad) {
			t.Error(err)
		}
		if r := p.state(t, p.received, "work"); r.State != checkpoint.Interrupted {
			t.Errorf("%+v", r)
		}
		src.wait = func(at int) error {
			if at == 3000 {
				p.stop()
			}
			return nil
		}
		snd.Patience = time.Minute
		err = snd.Send(bg, Outgoing{ID: "work", Source: src})
		if _, ok := errors.AsType[*GaveUpError](err); !ok {
			t.Error(err)
		}
		if r := p.state(t, p.sent, "work"); r.State != checkpoint.Interrupted {
			t.Errorf("%+v", r)
		}
		other := p.sender()
		if err := other.Send(bg, Outgoing{ID: "other", Source: src}); err == nil || !strings.Contains(err.Error(), "connection refused") {
			t.Error(err)
		}
		p.serve(t)
		src.wait = nil
		if err := snd.Send(bg, Outgoing{ID: "work", Source: src}); err != nil {
			t.Error(err)
		}
		for _, o := range []Outgoing{{ID: "", Source: src}, {ID: "1234567", Source: src}, {ID: "x", Source: src, Header: make([]byte, MaxHeader+1)}, {ID: "x", Source: src, Cookie: make([]byte, checkpoint.MaxCookie+1)}} {
			if err := snd.Send(bg, o); err == nil {
				t.Errorf("%+v was sent", o)
			}
		}
	})
}

// TestTooManyPoints: a Source that asks for more points than there are numbers is told so; the activity is what it was.
func TestTooManyPoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newSite(t)
		snd := p.sender()
		defer snd.Close()
		enough := true
		src := &tape{b: pattern(30), most: 10, mark: 10, wait: func(at int) error {
			if at == 10 && enough {
				return errDisk
			}
			return nil
		}}
		if err := snd.Send(bg, Outgoing{ID: "work", Source: src}); !errors.Is(err, errDisk) {
			t.Fatal(err)
		}
		r, err := p.received.Acquire(bg, p.state(t, p.received, "work").Key)
		if err != nil {
			t.Fatal(err)
		}
		r.Serial = maxPoints - 1
		if err := p.received.Commit(bg, r); err != nil {
			t.Fatal(err)
		}
		enough = false
		if err := snd.Send(bg, Outgoing{ID: "work", Source: src}); !errors.Is(err, errPoints) {
			t.Fatal(err)
		}
		src.mark = 0
		if err := snd.Send(bg, Outgoing{ID: "work", Source: src}); err != nil {
			t.Fatal(err)
		}
		p.wants(t, "work", src.b)
	})
}
