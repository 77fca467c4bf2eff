package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/group"
)

// What the demonstration of sound and picture sends.
const (
	soundRate     = 48_000 // samples a second, of 16 bits, and the group's times
	soundUnit     = soundRate / 100
	pictureRate   = 50 // frames a second
	frameTime     = soundRate / pictureRate
	frameOctets   = 160 * 72 // of 8 bits each
	soundStream   = 0
	pictureStream = 1

	// AVDelay is the playout delay, and AVSkew how far a stream may be behind.
	AVDelay = 150 * time.Millisecond
	AVSkew  = 40 * time.Millisecond
	// AVRate is what the picture's connection passes while it is throttled, in octets a second: a quarter of what the picture needs.
	AVRate = frameOctets * pictureRate / 4
	// MinAVPart is the least AVOptions.Part.
	MinAVPart = 500 * time.Millisecond
	// avSettle is how long the picture has, after the throttle's end, to be in step.
	avSettle = time.Second
)

// AVOptions say what to do.
type AVOptions struct {
	Part     time.Duration // how long each of the three parts takes: before, while the picture's connection is throttled, after
	Progress func(AVState) // called often by one goroutine; may be nil
	Logger   *slog.Logger
}

// Check tells whether the parts are long enough.
func (o AVOptions) Check() error {
	if o.Part < MinAVPart {
		return fmt.Errorf("a part of %v is shorter than %v", o.Part, MinAVPart)
	}
	return nil
}

// AVState is how it is going.
type AVState struct {
	Part           AVPart
	Cut            bool // it has been, in this part
	Sound, Picture time.Duration
	Resyncs        int64
}

// AVPart is a part of the demonstration.
type AVPart uint8

// The parts.
const (
	Before AVPart = iota
	During
	After
	avParts
)

func (p AVPart) String() string { return [...]string{"before", "during", "after"}[p] }

// av is a run.
type av struct {
	o       AVOptions
	begin   time.Time
	valves  [2]*valve // of the sound and of the picture
	near    *side
	rcv     *group.Receiver
	snd     *group.Sender
	streams [2]*group.Stream
	part    atomic.Uint32

	sent  [2]atomic.Int64 // units, of each stream
	shown [2]atomic.Int64 // up to which time what was sent has been handed up
	wrong atomic.Int64    // units whose octets are not those that were sent
	freed time.Time
	log   avLog
}

// AV shows how sound and picture, each over a connection of its own, are kept in step while the picture's is throttled and cut. An error means that it could not be
// shown; what came of it is in the report.
func AV(ctx context.Context, o AVOptions) (*AVReport, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var parts sync.WaitGroup
	defer parts.Wait()
	defer cancel(nil)
	a := &av{o: o}
	near, far, err := endpoints(o.Logger)
	if err != nil {
		return nil, err
	}
	defer near.Close()
	defer far.Close()
	a.near = near
	cfg := group.ReceiverConfig{Group: group.ID{'a', 'v'}, Rate: group.Rate{Num: soundRate, Den: 1}, Delay: AVDelay, MaxSkew: AVSkew}
	if a.rcv, err = group.NewReceiver(&cfg); err != nil {
		return nil, err
	}
	defer a.rcv.Close()
	if a.snd, err = group.NewSender(&group.SenderConfig{Group: cfg.Group, Rate: cfg.Rate}); err != nil {
		return nil, err
	}
	defer a.snd.Close()
	for n := range a.valves {
		ln, err := far.Listen(ctx, "tenuto+tcp://127.0.0.1:0", nil)
		if err != nil {
			return nil, err
		}
		defer ln.Close()
		parts.Go(func() { a.rcv.Serve(ctx, ln) })
		if a.valves[n], err = newValve(ln.Addr().String()); err != nil {
			return nil, err
		}
		defer a.valves[n].close()
	}
	if err := a.join(ctx); err != nil {
		return nil, err
	}
	fail := func(err error) {
		if err != nil {
			cancel(err)
		}
	}
	parts.Go(func() { fail(a.send(ctx, soundStream, soundUnit, sound)) })
	parts.Go(func() { fail(a.send(ctx, pictureStream, frameTime, frame)) })
	parts.Go(func() { fail(a.receive(ctx)) })
	return a.direct(ctx)
}

// join opens both streams, each over its own valve.
func (a *av) join(ctx context.Context) (err error) {
	a.begin = time.Now()
	for n, m := range []group.Member{{Stream: soundStream, Name: "sound", Essential: true}, {Stream: pictureStream, Name: "picture"}} {
		m.Seek = func(t int64) int64 { return max(t, a.now()) } // it is live
		dial := func(ctx context.Context, cfg *tenuto.Config) (*tenuto.Session, error) {
			return a.near.Dial(ctx, "tenuto+tcp://"+a.valves[n].address()+"/av", cfg)
		}
		if a.streams[n], err = a.snd.Join(ctx, dial, m); err != nil {
			return err
		}
	}
	a.begin = time.Now()
	return nil
}

// now is the time of both sources.
func (a *av) now() int64 {
	d := time.Since(a.begin)
	return int64(d/time.Second)*soundRate + int64(d%time.Second)*soundRate/int64(time.Second)
}

// send sends what make makes of each time, when it has come.
func (a *av) send(ctx context.Context, n int, each int64, make func(b []byte, t int64) []byte) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var b []byte
	for t := int64(0); ; t += each {
		if now := a.now(); t < now-each { // it was kept from sending: there is no use for what has passed
			t = now / each * each
		}
		timer.Reset(time.Duration(t-a.now()) * time.Second / soundRate)
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil
		}
		b = make(b[:0], t)
		err := a.streams[n].Send(ctx, t, b)
		if err == nil {
			a.sent[n].Add(1)
			err = a.streams[n].Mark(ctx, t+each)
		}
		switch moved, ok := errors.AsType[*group.ResyncedError](err); {
		case ok:
			t = (moved.From+each-1)/each*each - each
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
	}
}

// sound makes 10 ms of a tone of 480 Hz.
func sound(b []byte, t int64) []byte {
	for i := range int64(soundUnit) {
		v := (t + i) % 100 // a triangle
		v = min(v, 100-v)*400 - 10_000
		b = append(b, byte(v), byte(v>>8))
	}
	return b
}

// frame makes a picture in which a bar wanders.
func frame(b []byte, t int64) []byte {
	const width, height = 160, frameOctets / 160
	bar := t / frameTime % width
	for range height {
		for x := range int64(width) {
			v := byte(t / frameTime)
			if x >= bar && x < bar+8 {
				v = 255
			}
			b = append(b, v)
		}
	}
	return b
}

// receive takes what is handed up.
func (a *av) receive(ctx context.Context) error {
	var want []byte
	for {
		u, err := a.rcv.Next(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if want = sound(want[:0], u.Time); u.Stream == pictureStream {
			want = frame(want[:0], u.Time)
		}
		if string(want) != string(u.Data) {
			a.wrong.Add(1)
		}
		a.shown[u.Stream].Store(u.Time + []int64{soundUnit, frameTime}[u.Stream])
	}
}

// avTick is how often the skew is looked at.
const avTick = 10 * time.Millisecond

// direct throttles the picture's connection in the second part, cuts it in the middle of that, and looks at the skew all the time.
func (a *av) direct(ctx context.Context) (*AVReport, error) {
	ticker := time.NewTicker(avTick)
	defer ticker.Stop()
	start := time.Now()
	picture := a.valves[pictureStream]
	cut := false
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		at := time.Since(start)
		part := AVPart(at / a.o.Part)
		if part != AVPart(a.part.Swap(uint32(part))) {
			switch part {
			case During:
				picture.rate.Store(AVRate)
			case After:
				picture.rate.Store(0)
				a.freed = time.Now()
			default:
				return a.report(time.Since(start)), nil
			}
		}
		if part == During && !cut && at > a.o.Part*3/2 {
			cut = true
			picture.cut()
		}
		a.look(part, cut)
	}
}

// look notes the skew now: how far what was handed up is behind the group's clock.
func (a *av) look(part AVPart, cut bool) {
	st := a.rcv.Stats()
	if len(st.Streams) < 2 {
		return
	}
	skew := func(n int) time.Duration {
		shown := a.shown[n].Load()
		if shown == 0 || !st.Running {
			return 0 // it has not begun
		}
		return max(0, time.Duration(st.Time-shown)*time.Second/soundRate)
	}
	s := AVState{Part: part, Cut: cut && part == During, Sound: skew(soundStream), Picture: skew(pictureStream), Resyncs: st.Streams[pictureStream].Resyncs}
	a.log.add(part, s.Picture, time.Since(a.freed))
	if a.o.Progress != nil {
		a.o.Progress(s)
	}
}
