package main

import (
	"context"
	"errors"
	"log"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/group"
)

// The streams of the group.
const (
	soundStream = iota
	pictureStream
)

const (
	delay   = 500 * time.Millisecond // a picture takes a fifth of a second when a fifth of what it needs passes
	maxSkew = 40 * time.Millisecond
)

// A show sends media and receives them, with a valve in the way of each stream.
type show struct {
	m       *media
	page    *page
	begin   time.Time
	near    *tenuto.Endpoint
	far     *tenuto.Endpoint
	snd     *group.Sender
	rcv     *group.Receiver
	valves  [2]*valve
	streams [2]*group.Stream
	stop    context.CancelFunc
	running sync.WaitGroup

	needs    atomic.Int64    // octets a second of the picture
	throttle atomic.Int64    // percent of that; 100 is no limit
	sent     [2]atomic.Int64 // units
	shown    [2]atomic.Int64 // up to which time what was sent has been handed up
}

func newShow(ctx context.Context, m *media, p *page) (*show, error) {
	ctx, stop := context.WithCancel(ctx)
	s := &show{m: m, page: p, stop: stop}
	s.throttle.Store(100)
	if err := s.open(ctx); err != nil {
		s.close()
		return nil, err
	}
	s.begin = time.Now()
	s.running.Go(func() {
		s.send(ctx, soundStream, soundUnit, s.m.sound)
	})
	s.running.Go(func() {
		s.send(ctx, pictureStream, m.frameTime(), func(t int64) []byte { return s.m.image(t / m.frameTime()) })
	})
	s.running.Go(func() { s.receive(ctx) })
	s.running.Go(func() { s.look(ctx) })
	return s, nil
}

func (s *show) open(ctx context.Context) (err error) {
	for n := range int64(s.m.fps) {
		s.needs.Add(int64(len(s.m.image(n))))
	}
	if s.near, err = tenuto.NewEndpoint(nil); err != nil {
		return err
	}
	if s.far, err = tenuto.NewEndpoint(nil); err != nil {
		return err
	}
	rate := group.Rate{Num: sampleRate, Den: 1}
	id := group.ID{'a', 'v', 's', 'y', 'n', 'c'}
	s.rcv, err = group.NewReceiver(&group.ReceiverConfig{Group: id, Rate: rate, Delay: delay, MaxSkew: maxSkew, Events: func(e group.Event) {
		s.page.event(e.String())
	}})
	if err != nil {
		return err
	}
	if s.snd, err = group.NewSender(&group.SenderConfig{Group: id, Rate: rate}); err != nil {
		return err
	}
	s.begin = time.Now()
	for n, member := range []group.Member{{Stream: soundStream, Name: "sound", Essential: true}, {Stream: pictureStream, Name: "picture"}} {
		ln, err := s.far.Listen(ctx, "tenuto+tcp://127.0.0.1:0", nil)
		if err != nil {
			return err
		}
		s.running.Go(func() { s.rcv.Serve(ctx, ln) })
		if s.valves[n], err = newValve(ln.Addr().String()); err != nil {
			return err
		}
		member.Seek = func(t int64) int64 { return max(t, s.now()) } // they are live: there is nothing before now
		s.streams[n], err = s.snd.Join(ctx, func(ctx context.Context, cfg *tenuto.Config) (*tenuto.Session, error) {
			return s.near.Dial(ctx, "tenuto+tcp://"+s.valves[n].ln.Addr().String()+"/show", cfg)
		}, member)
		if err != nil {
			return err
		}
	}
	return nil
}

// close ends what has been opened.
func (s *show) close() {
	s.stop()
	if s.snd != nil {
		s.snd.Close()
	}
	if s.rcv != nil {
		s.rcv.Close()
	}
	for _, ep := range []*tenuto.Endpoint{s.near, s.far} {
		if ep != nil {
			ep.Close()
		}
	}
	for _, v := range s.valves {
		if v != nil {
			v.close()
		}
	}
	s.running.Wait()
}

// now is the time of the sources.
func (s *show) now() int64 {
	d := time.Since(s.begin)
	return int64(d/time.Second)*sampleRate + int64(d%time.Second)*sampleRate/int64(time.Second)
}

// send sends the unit of each time when that has come.
func (s *show) send(ctx context.Context, n int, each int64, unit func(t int64) []byte) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for t := int64(0); ; t += each {
		if now := s.now(); t < now-each { // it was kept from sending, and what it would have sent has passed
			t = now / each * each
		}
		timer.Reset(time.Duration(t-s.now()) * time.Second / sampleRate)
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		err := s.streams[n].Send(ctx, t, unit(t))
		if err == nil {
			s.sent[n].Add(1)
			err = s.streams[n].Mark(ctx, t+each)
		}
		if moved, ok := errors.AsType[*group.ResyncedError](err); ok {
			t = (moved.From+each-1)/each*each - each
		} else if err != nil {
			if ctx.Err() == nil {
				log.Print(err)
			}
			return
		}
	}
}

// receive passes what is due on to the page.
func (s *show) receive(ctx context.Context) {
	each := [2]int64{soundUnit, s.m.frameTime()}
	for {
		u, err := s.rcv.Next(ctx)
		if err != nil {
			if ctx.Err() == nil {
				log.Print(err)
			}
			return
		}
		s.shown[u.Stream].Store(u.Time + each[u.Stream])
		s.page.unit(u.Stream, u.Time, u.Data)
	}
}

// A state is what the page hears every tenth of a second.
type state struct {
	Sound    float64 `json:"sound"`   // how far behind the group's clock, in ms
	Picture  float64 `json:"picture"` // what was handed up is
	Resyncs  int64   `json:"resyncs"`
	Skipped  int64   `json:"skipped"` // marks
	Sent     int64   `json:"sent"`    // pictures
	Shown    int64   `json:"shown"`
	Throttle int64   `json:"throttle"` // percent
	Needs    int64   `json:"needs"`    // octets a second
}

func (s *show) look(ctx context.Context) {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			s.page.state(s.state())
		case <-ctx.Done():
			return
		}
	}
}

func (s *show) state() state {
	st := s.rcv.Stats()
	behind := func(n int) float64 {
		shown := s.shown[n].Load()
		if shown == 0 || !st.Running {
			return 0
		}
		return max(0, float64(st.Time-shown)*1000/sampleRate)
	}
	v := state{Sound: behind(soundStream), Picture: behind(pictureStream), Sent: s.sent[pictureStream].Load(), Throttle: s.throttle.Load(), Needs: s.needs.Load()}
	for _, x := range st.Streams {
		if x.Stream == pictureStream {
			v.Resyncs, v.Skipped, v.Shown = x.Resyncs, x.Skipped, x.Passed
		}
	}
	return v
}

// A wish is what the page asks for.
type wish struct {
	Throttle int64 `json:"throttle"` // percent of what the picture needs
	Cut      bool  `json:"cut"`
}

func (s *show) grant(w wish) {
	v := s.valves[pictureStream]
	if w.Cut {
		v.cut()
		return
	}
	percent := min(max(w.Throttle, 1), 100)
	s.throttle.Store(percent)
	if percent == 100 {
		v.rate.Store(0)
	} else {
		v.rate.Store(max(1, s.needs.Load()*percent/100))
	}
}
