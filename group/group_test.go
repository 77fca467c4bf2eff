package group

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/carrier/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var bg = context.Background()

const ms = time.Millisecond

// A site is a sender and a receiver with carriers in memory between them. Times are milliseconds.
type site struct {
	t       *testing.T
	nw      carrier.Network
	sender  *tenuto.Endpoint
	server  *tenuto.Endpoint
	ln      *tenuto.Listener
	snd     *Sender
	rcv     *Receiver
	serving sync.WaitGroup

	mu     sync.Mutex
	events []Event
	trace  func(tenuto.Trace)
}

var testGroup = ID{1, 2, 3}

func newSite(t *testing.T, nw carrier.Network, change func(*ReceiverConfig)) *site {
	t.Helper()
	p := &site{t: t, nw: nw}
	p.sender, p.server = p.endpoint(), p.endpoint()
	cfg := &ReceiverConfig{Group: testGroup, Rate: Rate{Num: 1000, Den: 1}, Delay: 100 * ms, Events: func(e Event) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.events = append(p.events, e)
	}}
	if change != nil {
		change(cfg)
	}
	var err error
	if p.rcv, err = NewReceiver(cfg); err != nil {
		t.Fatal(err)
	}
	if p.snd, err = NewSender(&SenderConfig{Group: testGroup, Rate: cfg.Rate}); err != nil {
		t.Fatal(err)
	}
	if p.ln, err = p.server.Listen(bg, nw.Scheme()+"://there", nil); err != nil {
		t.Fatal(err)
	}
	p.serving.Go(func() {
		if err := p.rcv.Serve(bg, p.ln); !errors.Is(err, ErrClosed) {
			t.Error("serve:", err)
		}
	})
	t.Cleanup(p.close)
	return p
}

func (p *site) close() {
	_ = p.snd.Close()
	_ = p.rcv.Close()
	p.serving.Wait()
	_ = p.sender.Close()
	_ = p.server.Close()
}

func (p *site) endpoint() *tenuto.Endpoint {
	ep, err := tenuto.NewEndpoint(&tenuto.EndpointConfig{Carriers: []carrier.Network{p.nw}, Logger: slog.New(slog.NewTextHandler(p.t.Output(), nil))})
	if err != nil {
		p.t.Fatal(err)
	}
	return ep
}

// dial opens a session over the bridge that all share.
func (p *site) dial(ctx context.Context, cfg *tenuto.Config) (*tenuto.Session, error) {
	cfg.Trace = p.trace
	return p.sender.Dial(ctx, p.nw.Scheme()+"://there/group", cfg)
}

func (p *site) join(m Member) *Stream {
	p.t.Helper()
	st, err := p.snd.Join(bg, p.dial, m)
	if err != nil {
		p.t.Fatal(err)
	}
	return st
}

// send sends units with their stream and time in them, and wants no error.
func (p *site) send(st *Stream, times ...int64) {
	p.t.Helper()
	for _, t := range times {
		if err := st.Send(bg, t, fmt.Appendf(nil, "%d:%d", st.m.Stream, t)); err != nil {
			p.t.Fatalf("%d: %v", t, err)
		}
	}
}

// next takes as many units as are wanted: stream:time, with "!" where one is the first.
func (p *site) next(want string) {
	p.t.Helper()
	var got []string
	for range strings.Fields(want) {
		ctx, cancel := context.WithTimeout(bg, time.Minute)
		u, err := p.rcv.Next(ctx)
		cancel()
		if err != nil {
			got = append(got, err.Error())
			break
		}
		text := fmt.Sprintf("%d:%d", u.Stream, u.Time)
		if string(u.Data) != text {
			p.t.Errorf("got %q, want %q", u.Data, text)
		}
		if u.First {
			text += "!"
		}
		got = append(got, text)
	}
	if s := strings.Join(got, " "); s != want {
		p.t.Errorf("got %q, want %q", s, want)
	}
}

// run has the receiver go on for a while, in which nothing may be due.
func (p *site) run(d time.Duration) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(bg, d)
	defer cancel()
	if u, err := p.rcv.Next(ctx); err == nil {
		p.t.Errorf("got a unit of stream %d at %d", u.Stream, u.Time)
	}
}

// wantsEvent takes the event that must have been.
func (p *site) wantsEvent(k EventKind, text string) Event {
	p.t.Helper()
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.events, func(e Event) bool { return e.Kind == k && strings.Contains(e.String(), text) })
	if i < 0 {
		p.t.Errorf("got events %v, want one %v with %q", p.events, k, text)
		return Event{}
	}
	e := p.events[i]
	p.events = slices.Delete(p.events, i, i+1)
	return e
}

func (p *site) stats(n int) StreamStats {
	for _, s := range p.rcv.Stats().Streams {
		if s.Stream == n {
			return s
		}
	}
	p.t.Errorf("no stream %d", n)
	return StreamStats{}
}

// wantsMoved wants the next Send to say that the stream goes on at a time.
func (p *site) wantsMoved(st *Stream, from int64) {
	p.t.Helper()
	err := st.Send(bg, 1<<40, nil)
	if r, ok := errors.AsType[*ResyncedError](err); !ok || r.From != from {
		p.t.Errorf("got %v, want a resynchronization to %d", err, from)
	}
}

// TestGroup: streams are merged by time, and end in order.
func TestGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newSite(t, memory.New(), nil)
		sound := p.join(Member{Stream: 0, Name: "sound", Essential: true})
		picture := p.join(Member{Stream: 1, Name: "picture"})
		p.send(sound, 1000, 1010, 1020)
		p.send(picture, 1005, 1015)
		for _, st := range []*Stream{sound, picture} {
			if err := st.Mark(bg, 1030); err != nil {
				t.Fatal(err)
			}
		}
		begin := time.Now()
		p.next("0:1000! 1:1005! 0:1010 1:1015 0:1020")
		if d := time.Since(begin); d != 120*ms {
			t.Errorf("the last unit was handed up after %v", d)
		}
		if s := p.stats(0); s.Marks != 2 || s.Passed != 3 || !s.Essential || s.Time != 1030 {
			t.Errorf("%+v", s)
		}
		if d := p.rcv.Members(); len(d) != 2 || d[0].Name != "sound" || !d[0].Essential || d[1].Name != "picture" {
			t.Errorf("%+v", d)
		}
		p.send(sound, 1040)
		for _, st := range []*Stream{sound, picture} {
			if err := st.Close(bg); err != nil {
				t.Error(err)
			}
		}
		p.next("0:1040")
		p.wantsEvent(Left, "stream 0")
		if err := sound.Send(bg, 2000, nil); !errors.Is(err, tenuto.ErrReleased) {
			t.Error(err)
		}
		p.send(p.join(Member{Stream: 0}), 5) // times begin anew
		p.next("0:5!")
	})
}

// TestResync: a stream that falls behind is resynchronized: what its sender sends is cut, and it goes on where Seek says.
func TestResync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newSite(t, memory.New(), nil)
		a := p.join(Member{Stream: 0})
		var asked []int64
		b := p.join(Member{Stream: 1, Seek: func(t int64) int64 { asked = append(asked, t); return t + 100 }})
		p.send(a, 0, 200)
		p.send(b, 0)
		p.next("0:0! 1:0!")
		p.run(50 * ms)
		p.wantsEvent(Resync, "stream 1: is 40ms behind the group's clock, and is asked to go on at 90")
		if len(asked) != 1 || asked[0] != 90 {
			t.Errorf("asked for %v", asked)
		}
		p.wantsMoved(b, 190)
		p.send(b, 190, 210)
		p.next("1:190! 0:200")
		p.wantsEvent(Recovered, "stream 1")
		if err := b.Send(bg, 209, nil); !errors.Is(err, ErrBackward) {
			t.Error(err)
		}
	})
}
