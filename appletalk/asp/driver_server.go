package asp

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/atp"
	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/drive"
	"github.com/tenuto-session/tenuto/appletalk/node"
)

// Handler is what a server does. Its methods are called one at a time for each session, and may take their time.
type Handler interface {
	// Opened is called before all others for a session, and Closed after them; its error is nil if the workstation has closed the session.
	Opened(*ServerConn)
	Closed(*ServerConn, error)

	// Command answers a request: with a result for the workstation's user, and at most Quantum octets.
	Command(c *ServerConn, block []byte) (result int32, reply []byte)

	// Write answers a request to write; data asks the workstation for at most so many octets, 1 to Quantum, once.
	Write(c *ServerConn, block []byte, data func(size int) ([]byte, error)) (result int32, reply []byte)
}

// Listener is a server's listening socket with its sessions.
type Listener struct {
	d       *drive.Driver
	sls     *node.Socket
	s       *Server
	handler Handler

	sessions sync.WaitGroup
	noted    map[*Session][]error // of attentions
	data     map[*Request]written
	closed   bool
}

type written struct{ b []byte }

// ServerConn is a session of a server.
type ServerConn struct {
	// User is for the handler.
	User any

	l *Listener
	s *Session

	attending sync.Mutex // one Attention at a time

	mu      sync.Mutex
	queue   []func() // guarded by mu: what the handler is to hear
	running bool     // guarded by mu: a goroutine tells it
}

// tell has the handler hear of something after all before. There is a goroutine only while there is something.
func (c *ServerConn) tell(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue = append(c.queue, f)
	if !c.running {
		c.running = true
		c.l.sessions.Go(c.run)
	}
}

func (c *ServerConn) run() {
	for {
		c.mu.Lock()
		if len(c.queue) == 0 {
			c.queue, c.running = nil, false
			c.mu.Unlock()
			return
		}
		f := c.queue[0]
		c.queue = c.queue[1:]
		c.mu.Unlock()
		f()
	}
}

// The machine that is driven has the listening socket and that of the sessions.
type served struct{ l *Listener }

const (
	atSLS = iota
	atSSS
)

func (d served) Datagram(now time.Time, socket int, g *ddp.Datagram) {
	p, err := atp.Parse(g.Data)
	switch {
	case err != nil || g.Type != ddp.TypeATP:
		d.l.s.Strays++
	case socket == atSLS:
		d.l.s.Listening(now, g.Src, p)
	default:
		d.l.s.Handle(now, g.Src, p)
	}
}

func (d served) Next() time.Time    { return d.l.s.Next() }
func (d served) Tick(now time.Time) { d.l.s.Tick(now) }

func (d served) Flush(send drive.Send) {
	for _, e := range d.l.s.Events() {
		d.l.event(e)
	}
	listening, sessions := d.l.s.Drain()
	drive.Transmit(send, atSLS, listening)
	drive.Transmit(send, atSSS, sessions)
}

// Listen opens a server, whose listening socket is found by a name, OBJECT:TYPE, whose type is AFPServer if it has none; by its number, as :130; or is any if
// the text is empty. It has two goroutines, and one for each session whose handler is at work.
func Listen(ctx context.Context, n *node.Node, text string, cfg ServerConfig, h Handler) (*Listener, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	sss, err := n.Open(0)
	if err != nil {
		return nil, err
	}
	sls, err := n.Listen(ctx, text, Type)
	if err != nil {
		sss.Close()
		return nil, err
	}
	cfg.SSS = sss.Num()
	l := &Listener{sls: sls, s: NewServer(cfg, uint16(rand.Uint32())), handler: h, noted: map[*Session][]error{}, data: map[*Request]written{}}
	l.d = drive.New(served{l}, sls, sss)
	return l, nil
}

// event hands what has happened to the handler. A session has at most maxPending requests that were not answered.
func (l *Listener) event(e Event) {
	c, _ := e.Session.User.(*ServerConn)
	switch e.Kind {
	case Opened:
		c = &ServerConn{l: l, s: e.Session}
		e.Session.User = c
		c.tell(func() { l.handler.Opened(c) })
	case Requested:
		c.tell(func() { l.serve(c, e.Request) })
	case Written:
		l.data[e.Request] = written{e.Data}
	case Noted:
		l.noted[e.Session] = append(l.noted[e.Session], e.Err)
	case Closed:
		delete(l.noted, e.Session)
		c.tell(func() { l.handler.Closed(c, e.Err) })
	}
}

// serve has the handler answer a request.
func (l *Listener) serve(c *ServerConn, r *Request) {
	var result int32
	var reply []byte
	if r.Function == Write {
		result, reply = l.handler.Write(c, r.Block, func(size int) ([]byte, error) { return l.ask(r, size) })
	} else {
		result, reply = l.handler.Command(c, r.Block)
	}
	l.d.Do(func(now time.Time) {
		_ = l.s.Reply(now, r, result, reply[:min(len(reply), Quantum)]) // the session may have ended
		delete(l.data, r)
	})
}

// ask asks for the data of a Write.
func (l *Listener) ask(r *Request, size int) (b []byte, err error) {
	l.d.Do(func(now time.Time) { err = l.s.Continue(now, r, size) })
	if err != nil {
		return nil, err
	}
	err = l.d.Until(func(time.Time) (bool, error) {
		w, ok := l.data[r]
		b = w.b
		if !ok && !l.s.Open(r.Session) {
			return false, ErrSessClosed
		}
		return ok, nil
	})
	return b, err
}

// Addr is the address of the listening socket.
func (l *Listener) Addr() ddp.Socket { return l.sls.Addr() }

// SetStatus is what GetStatus is answered with from now on: at most MaxStatus octets.
func (l *Listener) SetStatus(b []byte) error {
	if len(b) > MaxStatus {
		return ErrSize
	}
	l.d.Do(func(time.Time) { l.s.SetStatus(b) })
	return nil
}

// Close ends all sessions, whose workstations are told, and waits for the handler. It gives workstations that do not answer a moment.
func (l *Listener) Close() error {
	l.d.Do(func(now time.Time) {
		if l.closed {
			return
		}
		l.closed = true
		l.s.Shut()
		for _, ss := range l.s.Sessions() {
			l.s.Close(now, ss)
		}
	})
	ctx, cancel := context.WithTimeout(context.Background(), closeTries*retryTime+retryTime)
	defer cancel()
	err := l.d.Wait(ctx, func(time.Time) bool { return len(l.s.Sessions()) == 0 })
	l.d.Close()
	if errors.Is(err, drive.ErrClosed) { // the node was closed first: nobody is told
		l.d.Do(func(time.Time) {
			for _, ss := range l.s.Sessions() {
				l.s.end(ss, ErrSessClosed)
			}
		})
	}
	l.sessions.Wait()
	return nil
}

// ID is the session's identifier, and Peer the workstation's socket.
func (c *ServerConn) ID() uint8        { return c.s.ID }
func (c *ServerConn) Peer() ddp.Socket { return c.s.Peer }

// Attention sends a code that is not 0 to the workstation, and waits until it has acknowledged it: ErrNoAck says that it does not.
func (c *ServerConn) Attention(ctx context.Context, code uint16) (err error) {
	c.attending.Lock()
	defer c.attending.Unlock()
	l := c.l
	l.d.Do(func(now time.Time) {
		delete(l.noted, c.s) // of one whose context has ended
		err = l.s.Attention(now, c.s, code)
	})
	if err != nil {
		return err
	}
	wait := l.d.Wait(ctx, func(time.Time) bool {
		switch noted := l.noted[c.s]; {
		case len(noted) > 0:
			err = noted[0]
			delete(l.noted, c.s)
		case !l.s.Open(c.s):
			err = ErrSessClosed
		default:
			return false
		}
		return true
	})
	if wait != nil {
		err = closed(wait)
	}
	return err
}

// Close ends the session; the workstation is told. The handler's Closed is called.
func (c *ServerConn) Close() {
	c.l.d.Do(func(now time.Time) { c.l.s.Close(now, c.s) })
}
