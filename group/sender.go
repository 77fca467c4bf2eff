package group

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/tenuto-session/tenuto"
)

// SenderConfig is what a Sender is made with.
type SenderConfig struct {
	Group ID   // which group its streams join
	Rate  Rate // of their times
}

// A Sender opens the streams of a group. It is safe for concurrent use.
type Sender struct {
	cfg     SenderConfig
	start   time.Time
	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	hearing sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	streams [MaxStreams]*Stream // nil where there is none; opening while it is being dialled
}

// NewSender makes a Sender. Close ends it.
func NewSender(cfg *SenderConfig) (*Sender, error) {
	if err := cfg.Rate.Check(); err != nil {
		return nil, fmt.Errorf("group: sender: %w", err)
	}
	snd := &Sender{cfg: *cfg, start: time.Now()}
	snd.ctx, snd.cancel = context.WithCancel(context.Background())
	return snd, nil
}

// Member is a stream of a group.
type Member struct {
	Stream    int    // its number, from 0 to MaxStreams-1, which no other has
	Name      string // for people: UTF-8, at most MaxName octets
	Essential bool   // policies may have the group wait for it

	// Seek is asked where the stream goes on when it is to go on at a time: the first units that are sent then are those of the time that Seek returns.
	// A file has the units of any time, a live source none before now. Nil is any time. It is called from a goroutine of the stream, and must not wait, nor
	// call the Stream.
	Seek func(t int64) (from int64)
}

func (m *Member) check() error {
	switch {
	case m.Stream < 0 || m.Stream >= MaxStreams:
		return fmt.Errorf("a group has %d streams, from 0 on", MaxStreams)
	case len(m.Name) > MaxName:
		return fmt.Errorf("name: %d octets exceed %d", len(m.Name), MaxName)
	case !utf8.ValidString(m.Name):
		return errors.New("name: not UTF-8")
	}
	return nil
}

// A Dial opens a session with the receiver, with cfg, which may be changed but for Units and UserData: as Endpoint.Dial and Bridge.Dial do.
type Dial func(ctx context.Context, cfg *tenuto.Config) (*tenuto.Session, error)

// opening holds the place of a stream that is being dialled.
var opening = new(Stream)

// Join opens a stream. A goroutine receives what the receiver says of it until it ends. A receiver that does not take it says why in the
// *tenuto.RefusedError.
func (snd *Sender) Join(ctx context.Context, dial Dial, m Member) (*Stream, error) {
	st, err := snd.join(ctx, dial, m)
	if err != nil {
		return nil, &StreamError{m.Stream, "join", err}
	}
	return st, nil
}

func (snd *Sender) join(ctx context.Context, dial Dial, m Member) (*Stream, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	if err := snd.place(m.Stream, nil, opening); err != nil {
		return nil, err
	}
	st, err := snd.dial(ctx, dial, m)
	if err != nil {
		snd.take(m.Stream, opening)
		return nil, err
	}
	if err := snd.place(m.Stream, opening, st); err != nil {
		_ = st.s.Abort(nil)
		return nil, err
	}
	return st, nil
}

func (snd *Sender) dial(ctx context.Context, dial Dial, m Member) (*Stream, error) {
	d := Description{snd.cfg.Group, m.Stream, snd.cfg.Rate, m.Essential, m.Name}
	s, err := dial(ctx, &tenuto.Config{Units: Units, UserData: d.append(nil)})
	if err != nil {
		return nil, err
	}
	a, err := parseAnswer(s.UserData())
	if err == nil && s.Units() != Units {
		err = fmt.Errorf("the peer's functional units are %v, and %v are wanted", s.Units(), Units)
	}
	if err != nil {
		_ = s.Abort(cut(err.Error()))
		return nil, err
	}
	return &Stream{snd: snd, m: m, s: s, most: int(min(a.most, math.MaxInt32)), serial: 1, changed: make(chan struct{})}, nil
}

// place puts a stream where another is, or none, and has it heard.
func (snd *Sender) place(n int, old, st *Stream) error {
	snd.mu.Lock()
	defer snd.mu.Unlock()
	switch {
	case snd.closed:
		return ErrClosed
	case snd.streams[n] != old:
		return errors.New("it has been joined already")
	}
	snd.streams[n] = st
	if st != opening {
		snd.hearing.Go(st.hear)
	}
	return nil
}

// take gives the place of a stream up.
func (snd *Sender) take(n int, st *Stream) {
	snd.mu.Lock()
	defer snd.mu.Unlock()
	if snd.streams[n] == st {
		snd.streams[n] = nil
	}
}

// Close aborts the streams that are open: Stream.Close ends one in order. It waits for their goroutines.
func (snd *Sender) Close() error {
	snd.mu.Lock()
	snd.closed = true
	for _, st := range &snd.streams {
		if st != nil && st != opening {
			_ = st.s.Abort(nil)
		}
	}
	snd.mu.Unlock()
	snd.cancel()
	snd.hearing.Wait()
	return nil
}
