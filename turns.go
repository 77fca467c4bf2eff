package tenuto

import (
	"sync"
	"sync/atomic"

	"github.com/tenuto-session/tenuto/spdu"
	"github.com/tenuto-session/tenuto/spm"
)

// maxAhead is how much a Conn's Write reads ahead while it waits for the data token, in octets.
const maxAhead = 64 << 10

// turns is what the Conn of a half-duplex session keeps of whose turn it is.
type turns struct {
	bell   bell        // rings when the token has come, or what was read ahead has gone
	spoken atomic.Bool // this end has written since the token came
	asked  atomic.Bool // the peer asks for the token
	ahead  []byte      // read by Write, for Read; guarded by the receive gate
}

// A bell wakes all who wait for it. The zero bell is usable.
type bell struct {
	mu sync.Mutex
	ch chan struct{}
}

// heard is closed when the bell rings next.
func (b *bell) heard() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}

// read takes what was read ahead. The receive gate is held.
func (t *turns) read(b []byte) int {
	n := copy(b, t.ahead)
	if t.ahead = t.ahead[n:]; len(t.ahead) == 0 {
		t.ahead = nil
	}
	if n > 0 {
		t.bell.ring()
	}
	return n
}

// heed notes what an indication says of the token.
func (t *turns) heed(ind Indication) {
	switch ind.(type) {
	case TokenGiveInd:
		t.spoken.Store(false)
		t.bell.ring()
	case TokenPleaseInd:
		t.asked.Store(true)
	}
}

// giveTurn and askTurn are what a Conn does with the data token.
var (
	giveTurn = as(spm.Event{Kind: spm.SGTreq, Tokens: DataToken}, spdu.GT{Tokens: DataToken})
	askTurn  = as(spm.Event{Kind: spm.SPTreq, Tokens: DataToken}, spdu.PT{Tokens: DataToken})
)

// give passes the token on if it is here, somebody may want it, and nobody is writing. An error says that the session is being released
// or has ended, of which Read hears.
func (c *Conn) give() {
	s, t := c.s, c.turns
	if s.simplex || !t.spoken.Load() && !t.asked.Load() || !s.ownsData() || !s.sendGate.tryLock() {
		return
	}
	defer s.openSendGate()
	t.spoken.Store(false)
	t.asked.Store(false)
	s.mu.Lock()
	defer s.perform()
	_, _ = s.stepRequest(0, giveTurn, false)
}

func (s *Session) ownsData() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, owned := s.m.Tokens()
	return owned&DataToken != 0
}

// takeTurn waits until the token is here, for who has the send gate. While nobody reads it reads ahead; closing tells that Close does
// what has to be done with what arrives.
func (c *Conn) takeTurn(w *waiter, closing bool) error {
	s, t := c.s, c.turns
	for asked := false; ; {
		rung := t.bell.heard()
		s.mu.Lock()
		_, owned := s.m.Tokens()
		err := s.over()
		if err == nil && s.m.State() == spm.Released {
			err = ErrReleased
		}
		s.mu.Unlock()
		switch {
		case err != nil || owned&DataToken != 0:
			return err
		case s.simplex:
			return ErrSimplex
		case !closing && s.closed():
			return ErrClosed
		}
		if !asked {
			if _, err := s.requestLocked(0, askTurn); err != nil {
				return err
			}
			if err := s.run(w); err != nil {
				return err
			}
			asked = true
		}
		if !closing {
			opened := s.recvGate.try()
			if opened == nil {
				full, err := c.readAhead(w)
				s.openReceiveGate()
				if err != nil {
					return err
				}
				if !full {
					continue
				}
			} else if err := await(w.c, rung, opened); err != nil {
				return err
			} else {
				continue
			}
		}
		if err := await(w.c, rung, nil); err != nil {
			return err
		}
	}
}

// await waits for one of two channels.
func await(c canceller, one, other <-chan struct{}) error {
	select {
	case <-one:
	case <-other:
	case <-c.Done():
		return c.Err()
	}
	return nil
}

// readAhead receives something, for Read to find, unless that is full. The receive gate is held.
func (c *Conn) readAhead(w *waiter) (full bool, err error) {
	s, t := c.s, c.turns
	n := len(t.ahead)
	if n == maxAhead {
		return true, nil
	}
	if cap(t.ahead) < maxAhead {
		t.ahead = append(make([]byte, 0, maxAhead), t.ahead...)
	}
	r := s.receiving(w.c)
	defer r.done()
	g, err := s.receive(r, t.ahead[n:maxAhead])
	if g.ind != nil {
		c.heed(g.ind)
	}
	t.ahead = t.ahead[:n+g.n]
	s.consumed.Add(int64(g.n))
	return false, err
}
