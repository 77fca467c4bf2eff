package demo

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// Kind is how a connection dies.
type Kind uint8

const (
	// Reset: both ends get a reset.
	Reset Kind = iota
	// Stall: no octet passes any more, either way, while both sockets stay open.
	Stall
	// HalfOpen: one end gets a reset, for the other it is as in a Stall. The ends take turns.
	HalfOpen
	kinds = 3
)

func (k Kind) String() string { return [...]string{"reset", "stall", "half_open"}[k] }

const (
	// chunk is how much the cutter passes at a time.
	chunk = 128 << 10

	// handshake is more octets than the handshake of a bridge sends one way, and less than a frame of bulk data: when as
	// many have passed on a new connection, new data have.
	handshake = 4 << 10
)

// cut is one cut and what became of it.
type cut struct {
	kind   Kind
	at     time.Time
	passed bool // new data pass the cutter again
	after  time.Duration
}

// cutter is a TCP proxy between the two sides of Tenuto that cuts the connection which passes data to the dialling side.
// The next cut waits until the far end has got new data after the one before.
type cutter struct {
	ln     net.Listener
	server string  // where the connections go
	marks  []int64 // at how many octets, on all connections together, to cut

	ctx   context.Context
	stop  context.CancelFunc
	pumps sync.WaitGroup

	mu      sync.Mutex
	passed  int64
	cuts    []*cut
	settled chan struct{} // closed while no cut waits for its first new data
	conns   []*net.TCPConn
}

// newCutter starts a cutter that listens on loopback; close stops it.
func newCutter(server string, marks []int64) (*cutter, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &cutter{ln: ln, server: server, marks: marks, settled: make(chan struct{})}
	close(c.settled)
	c.ctx, c.stop = context.WithCancel(context.Background())
	c.pumps.Go(c.accept)
	return c, nil
}

func (c *cutter) address() string { return c.ln.Addr().String() }

// close ends all connections and waits for the goroutines.
func (c *cutter) close() {
	c.stop()
	c.ln.Close()
	c.mu.Lock()
	for _, conn := range c.conns {
		conn.Close()
	}
	c.mu.Unlock()
	c.pumps.Wait()
}

func (c *cutter) accept() {
	for {
		client, err := c.ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		server, err := net.Dial("tcp", c.server)
		if err != nil {
			client.Close()
			continue
		}
		l := &link{cutter: c, client: client.(*net.TCPConn), server: server.(*net.TCPConn)}
		c.mu.Lock()
		c.conns = append(c.conns, l.client, l.server)
		over := c.ctx.Err() != nil
		c.mu.Unlock()
		if over { // close may have come before the two were in its list
			l.kill()
			return
		}
		c.pumps.Go(l.up)
		c.pumps.Go(l.down)
	}
}

// allowance returns how many octets may pass before the next cut, at most chunk.
func (c *cutter) allowance() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.cuts) == len(c.marks) {
		return chunk
	}
	return min(chunk, c.marks[len(c.cuts)]-c.passed)
}

// passing is called before octets are passed that contain new data.
func (c *cutter) passing() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.cuts) > 0 {
		c.cuts[len(c.cuts)-1].passed = true
	}
}

// count adds octets that have passed, which are the last before a cut if due.
func (c *cutter) count(n int) (due bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.passed += int64(n)
	return len(c.cuts) < len(c.marks) && c.passed >= c.marks[len(c.cuts)]
}

// note writes down a cut that is made now.
func (c *cutter) note(k Kind) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cuts = append(c.cuts, &cut{kind: k, at: time.Now()})
	c.settled = make(chan struct{})
}

// arrived is called for octets that arrive at the far end. The first ones after new data have passed the cutter settle the
// last cut.
func (c *cutter) arrived(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.cuts) == 0 {
		return
	}
	if last := c.cuts[len(c.cuts)-1]; last.passed && last.after == 0 {
		last.after = max(now.Sub(last.at), 1)
		close(c.settled)
	}
}

// next waits until the last cut is settled, and returns the kind and the number of the next one.
func (c *cutter) next() (k Kind, number int, err error) {
	c.mu.Lock()
	settled, number := c.settled, len(c.cuts)
	c.mu.Unlock()
	select {
	case <-settled:
		return Kind(number % kinds), number, nil
	case <-c.ctx.Done():
		return 0, 0, c.ctx.Err()
	}
}

// made returns how many cuts there were.
func (c *cutter) made() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.cuts)
}

// recoveries returns for each kind the times from the cut to the first new data at the far end.
func (c *cutter) recoveries() (by [kinds][]time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, cut := range c.cuts {
		if cut.after > 0 {
			by[cut.kind] = append(by[cut.kind], cut.after)
		}
	}
	return by
}
