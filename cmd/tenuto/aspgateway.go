package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/asp"
	atalk "github.com/tenuto-session/tenuto/appletalk/node"
	"github.com/tenuto-session/tenuto/forward"
)

// Sessions of ASP go over a stream as records: a kind (1 octet), a length (2), and as many octets. docs/gateway.md describes them. Who is near the
// workstation asks, and who is near the server answers, in order.
const (
	recordCommand   = byte(asp.Command)   // the command block
	recordStatus    = byte(asp.GetStatus) // nothing
	recordWrite     = byte(asp.Write)     // the length of the block (2), the block, the data
	recordAttention = byte(asp.Attention) // a code (2); nobody answers
	recordReply     = 0x80                // the result (4) and the reply
)

const (
	maxRecord = 2 + asp.MaxCommand + asp.Quantum

	// statusTime is how often the server's status is asked for.
	statusTime = time.Minute
)

func writeRecord(w io.Writer, kind byte, parts ...[]byte) error {
	b := []byte{kind, 0, 0}
	for _, p := range parts {
		b = append(b, p...)
	}
	binary.BigEndian.PutUint16(b[1:], uint16(len(b)-3))
	_, err := w.Write(b)
	return err
}

func readRecord(r io.Reader) (kind byte, b []byte, err error) {
	var head [3]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := int(binary.BigEndian.Uint16(head[1:]))
	if n > maxRecord {
		return 0, nil, fmt.Errorf("asp gateway: read record: length %d exceeds %d", n, maxRecord)
	}
	b = make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return 0, nil, fmt.Errorf("asp gateway: read record: %w", err)
	}
	return head[0], b, nil
}

// aspNear is a server on AppleTalk whose sessions are carried on, each over a stream of its own.
type aspNear struct {
	*asp.Listener
	dial dialler
	log  *slog.Logger
}

// A tunnel is the stream of one session.
type tunnel struct {
	c       forward.Conn
	replies chan reply
	over    chan struct{} // closed when nothing comes any more
}

type reply struct {
	result int32
	b      []byte
}

// listenASPNear asks for the status of the server behind the dialler, and becomes a server like it.
func listenASPNear(ctx context.Context, n *atalk.Node, text string, dial dialler, log *slog.Logger) (*aspNear, error) {
	near := &aspNear{dial: dial, log: log}
	status, err := near.status(ctx)
	if err != nil {
		return nil, err
	}
	near.Listener, err = asp.Listen(ctx, n, text, asp.ServerConfig{Status: status}, near)
	return near, err
}

// status asks for the server's status.
func (a *aspNear) status(ctx context.Context) ([]byte, error) {
	t, err := a.open(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer t.c.Close()
	r, err := t.ask(ctx, recordStatus)
	if err == nil && r.result != 0 {
		err = fmt.Errorf("the gateway there has no status: %s", r.b)
	}
	return r.b, err
}

// serve keeps the status until the context ends.
func (a *aspNear) serve(ctx context.Context) error {
	defer a.Close()
	tick := time.NewTicker(statusTime)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if b, err := a.status(ctx); err != nil {
			a.log.Warn("no status", "cause", err)
		} else if err := a.SetStatus(b); err != nil {
			a.log.Warn("no status", "cause", err)
		}
	}
}

// open opens a stream, and reads it until it ends. attention is told of the server's attentions.
func (a *aspNear) open(ctx context.Context, attention func(code uint16)) (*tunnel, error) {
	c, err := a.dial(ctx)
	if err != nil {
		return nil, err
	}
	t := &tunnel{c, make(chan reply, 1), make(chan struct{})}
	go func() {
		defer close(t.over)
		r := bufio.NewReader(c)
		for {
			kind, b, err := readRecord(r)
			switch {
			case err != nil:
				return
			case kind == recordReply && len(b) >= 4:
				t.replies <- reply{int32(binary.BigEndian.Uint32(b)), b[4:]}
			case kind == recordAttention && len(b) == 2 && attention != nil:
				go attention(binary.BigEndian.Uint16(b))
			default:
				a.log.Warn("not a record that is expected", "kind", kind)
				return
			}
		}
	}()
	return t, nil
}

// ask sends a record and waits for the reply.
func (t *tunnel) ask(ctx context.Context, kind byte, parts ...[]byte) (reply, error) {
	if err := writeRecord(t.c, kind, parts...); err != nil {
		return reply{}, err
	}
	select {
	case r := <-t.replies:
		return r, nil
	case <-t.over:
		return reply{}, errors.New("asp gateway: the stream is over")
	case <-ctx.Done():
		return reply{}, context.Cause(ctx)
	}
}

// Opened opens the session's stream.
func (a *aspNear) Opened(c *asp.ServerConn) {
	t, err := a.open(context.Background(), func(code uint16) { _ = c.Attention(context.Background(), code) })
	if err != nil {
		a.log.Warn("no stream", "peer", c.Peer().String(), "cause", err)
		c.Close()
		return
	}
	c.User = t
	go func() {
		<-t.over
		c.Close() // unless it is closed
	}()
}

// Closed ends the session's stream.
func (a *aspNear) Closed(c *asp.ServerConn, _ error) {
	if t, ok := c.User.(*tunnel); ok {
		t.c.Close()
	}
}

// forward asks the server there, and ends the session if that is not to be.
func (a *aspNear) forward(c *asp.ServerConn, kind byte, parts ...[]byte) (int32, []byte) {
	t, ok := c.User.(*tunnel)
	if !ok {
		return -1, nil
	}
	r, err := t.ask(context.Background(), kind, parts...)
	if err != nil {
		a.log.Warn("session over", "peer", c.Peer().String(), "cause", err)
		c.Close()
		return -1, nil
	}
	return r.result, r.b
}

// Command implements asp.Handler.
func (a *aspNear) Command(c *asp.ServerConn, block []byte) (int32, []byte) {
	return a.forward(c, recordCommand, block)
}

// Write implements asp.Handler. All data that a workstation has are asked for, up to a quantum.
func (a *aspNear) Write(c *asp.ServerConn, block []byte, data func(int) ([]byte, error)) (int32, []byte) {
	b, err := data(asp.Quantum)
	if err != nil {
		return -1, nil
	}
	return a.forward(c, recordWrite, binary.BigEndian.AppendUint16(nil, uint16(len(block))), block, b)
}

// openASPFar is the stream of a session with a server on AppleTalk, which is opened when it is first needed.
func openASPFar(n *atalk.Node, server string, log *slog.Logger) forward.Conn {
	near, far := net.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	f := &aspFar{n: n, server: server, c: far}
	go func() {
		defer cancel()
		if err := f.serve(ctx); err != nil {
			log.Warn("session over", "server", server, "cause", err)
		}
		far.Close()
		f.attending.Wait()
	}()
	return &aspFarConn{near}
}

// aspFarConn is the near end of the pipe to who answers.
type aspFarConn struct{ net.Conn }

// CloseWrite ends both ways: who asks has no use for answers any more.
func (c *aspFarConn) CloseWrite() error { return c.Close() }

// Abort is Close.
func (c *aspFarConn) Abort([]byte) error { return c.Close() }

// aspFar answers the records of one stream.
type aspFar struct {
	n         *atalk.Node
	server    string
	session   *asp.Conn
	attending sync.WaitGroup

	mu sync.Mutex
	c  net.Conn // guarded by mu for writing
}

func (f *aspFar) say(kind byte, parts ...[]byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return writeRecord(f.c, kind, parts...)
}

func (f *aspFar) serve(ctx context.Context) error {
	defer func() {
		if f.session != nil {
			f.session.Close()
		}
	}()
	r := bufio.NewReader(f.c)
	for {
		kind, b, err := readRecord(r)
		if err == io.EOF || errors.Is(err, io.ErrClosedPipe) {
			return nil
		} else if err != nil {
			return err
		}
		result, reply, err := f.answer(ctx, kind, b)
		if err != nil {
			return err
		}
		if err := f.say(recordReply, binary.BigEndian.AppendUint32(nil, uint32(result)), reply); err != nil {
			return nil // who asked has gone
		}
	}
}

// answer does what a record asks for.
func (f *aspFar) answer(ctx context.Context, kind byte, b []byte) (result int32, reply []byte, err error) {
	if kind == recordStatus {
		if b, err = asp.ReadStatus(ctx, f.n, f.server); err != nil {
			return -1, []byte(err.Error()), nil
		}
		return 0, b, nil
	}
	if f.session == nil {
		if f.session, err = asp.Dial(ctx, f.n, f.server); err != nil {
			return 0, nil, err
		}
		f.attending.Go(f.attend)
	}
	switch kind {
	case recordCommand:
		result, reply, err = f.session.Command(ctx, b, asp.Quantum)
	case recordWrite:
		if len(b) < 2 || int(binary.BigEndian.Uint16(b)) > len(b)-2 {
			return 0, nil, errors.New("asp gateway: a write that is cut short")
		}
		n := 2 + int(binary.BigEndian.Uint16(b))
		result, reply, _, err = f.session.Write(ctx, b[2:n], b[n:], asp.Quantum)
	default:
		err = fmt.Errorf("asp gateway: a record of kind %d", kind)
	}
	return result, reply, err
}

// attend passes the server's attentions on.
func (f *aspFar) attend() {
	for {
		code, err := f.session.ReceiveAttention(context.Background())
		if err != nil || f.say(recordAttention, binary.BigEndian.AppendUint16(nil, code)) != nil {
			return
		}
	}
}
