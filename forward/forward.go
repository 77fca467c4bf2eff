// Package forward carries TCP and Unix connections over sessions: a [Forwarder] makes a session of every connection that a
// listener accepts, a [Server] connects sessions to targets by the service they ask for, and a registration turns the two
// around, so that the server accepts and the client dials.
//
//	f := &forward.Forwarder{Dial: forward.DialURL(ep, "tenuto+tcp://127.0.0.1:7225/db", nil)}
//	err := f.Serve(ctx, ln)
//
//	targets := forward.NewRegistry()
//	db, err := targets.Parse("127.0.0.1:5432")
//	s := &forward.Server{Services: map[string]forward.Target{"db": db}}
//	err = s.Serve(ctx, forward.Listener(sessions, nil))
//
// TCP keeps its meaning. FIN is S-RELEASE, each way by itself; RST is S-U-ABORT, as is an abort by the provider; a target
// that refuses is an S-CONNECT refused, and a reset of the connection that asked for it. Who reads slowly slows down the writer
// at the far end, and nobody else.
//
// # Cancellation
//
// When the context of a Serve or of a Join ends, its sessions are aborted and its connections reset; the call then returns.
//
// # Limitations
//
// Unix sockets have no reset: there an abort is a close. A reset is noticed by the read or write that meets it, and after the
// socket's FIN, on Unix systems, while it waits; but not while the session takes no more. An abort that comes after the
// session's release is noticed by the next write. Urgent data are not carried.
package forward

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"

	"github.com/tenuto-session/tenuto"
)

// Conn is what this package needs of a session: the octets both ways, each with an end of its own, and the abort.
type Conn interface {
	net.Conn

	// CloseWrite ends this side's data (S-RELEASE request): the peer reads them all and then io.EOF.
	CloseWrite() error

	// Abort ends the session at once (S-U-ABORT request) and may lose data on their way. Data is for the peer's log; of
	// more than 9 octets the end may not arrive.
	Abort(data []byte) error
}

// Local is the other end of a Join: a net.TCPConn, a net.UnixConn, or anything that ends its two ways one by one. Close
// makes waiting calls return. Where it has SetLinger, it is reset by it.
type Local interface {
	io.ReadWriteCloser
	CloseWrite() error
}

// Counts are the octets that a connection carried.
type Counts struct {
	ToSession   int64
	FromSession int64
}

// Join copies between a local connection and a session until both ways have ended or one of the two has failed, and closes
// both. The error says which of them failed first.
func Join(ctx context.Context, local Local, session Conn) (Counts, error) {
	j := &join{local: local, session: session}
	stop := context.AfterFunc(ctx, func() { j.fail(context.Cause(ctx)) })
	defer stop()

	var ways sync.WaitGroup
	ways.Go(j.up)
	ways.Go(j.down)
	ways.Wait()

	j.local.Close()
	if err := j.session.Close(); err != nil {
		j.note(fmt.Errorf("session: %w", err))
	}
	return Counts{ToSession: j.sent.Load(), FromSession: j.received.Load()}, j.note(nil)
}

type join struct {
	local   Local
	session Conn

	sent, received atomic.Int64
	ended          atomic.Int32 // ways that have come to an orderly end

	mu    sync.Mutex
	cause error // guarded by mu; the first failure
}

// up copies what the local side sends: its FIN is our release, its reset our abort.
func (j *join) up() {
	rerr, werr := copyOctets(j.session, j.local, &j.sent)
	if errors.Is(werr, tenuto.ErrSimplex) { // nothing goes this way, so what the local side says is heard and dropped
		var dropped atomic.Int64
		if rerr, werr = copyOctets(io.Discard, j.local, &dropped); rerr == io.EOF {
			j.end()
			return
		}
	}
	switch {
	case werr != nil:
		j.fail(fmt.Errorf("session: %w", werr))
	case rerr != io.EOF:
		j.fail(fmt.Errorf("local: %w", rerr))
	default:
		if err := j.session.CloseWrite(); err != nil {
			j.fail(fmt.Errorf("session: %w", err))
			return
		}
		if j.end() {
			return
		}
		// Nobody reads the local side any more; a reset must still be heard.
		if err := awaitReset(j.local); err != nil {
			j.fail(fmt.Errorf("local: %w", err))
		}
	}
}

// down copies what the session brings: a release is our FIN, an abort our reset.
func (j *join) down() {
	rerr, werr := copyOctets(j.local, j.session, &j.received)
	switch {
	case werr != nil:
		j.fail(fmt.Errorf("local: %w", werr))
	case rerr != io.EOF:
		j.fail(fmt.Errorf("session: %w", rerr))
	default:
		// It fails where the socket is gone already, which whoever still copies the other way will find out.
		j.local.CloseWrite()
		j.end()
	}
}

// end counts a way that has ended. After the second one it closes the local side, which also ends awaitReset.
func (j *join) end() (both bool) {
	if j.ended.Add(1) < 2 {
		return false
	}
	j.local.Close()
	return true
}

// fail aborts the session and resets the local connection; copies that wait return.
func (j *join) fail(cause error) {
	j.note(cause)
	j.session.Abort(nil)
	reset(j.local)
}

// note keeps the first failure, and returns it.
func (j *join) note(cause error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.cause == nil {
		j.cause = cause
	}
	return j.cause
}

// reset closes a connection so that its peer sees a reset, where it has such a thing.
func reset(local Local) {
	if l, ok := local.(interface{ SetLinger(sec int) error }); ok {
		l.SetLinger(0)
	}
	local.Close()
}
