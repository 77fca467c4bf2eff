package node

import (
	"context"
	"sync"
	"time"

	"github.com/tenuto-session/tenuto/decnet"
	"github.com/tenuto-session/tenuto/decnet/link"
)

const (
	// maxWaiting is how many octets wait for a circuit; packets beyond that are lost, as in any router.
	maxWaiting = 4 << 20
	// defaultRetry is the least time between attempts to bring a link up.
	defaultRetry = time.Second
)

// circuit drives one link: a goroutine opens and reads it, another one writes.
type circuit struct {
	Circuit
	n     *Node
	index int
	kick  chan struct{} // there is something to write

	// Guarded by the node's lock.
	conn  link.Conn // nil while it is down
	buf   []byte    // packets that wait, one behind the other
	ends  []packetEnd
	busy  bool            // the writer has packets in its hands
	idle  []chan struct{} // closed when nothing waits
	drops uint64
	opens uint64
	cause string // why it is down
	stop  context.CancelFunc
}

// packetEnd is where a packet in buf ends, and where it goes.
type packetEnd struct {
	end int
	mac decnet.MAC
}

func newCircuit(n *Node, i int, c Circuit) *circuit {
	if c.Retry <= 0 {
		c.Retry = defaultRetry
	}
	return &circuit{Circuit: c, n: n, index: i, kick: make(chan struct{}, 1), cause: "it was not up yet"}
}

// put adds a packet, which build appends. The lock is held.
func (c *circuit) put(mac decnet.MAC, build func([]byte) []byte) {
	if c.conn == nil || len(c.buf) > maxWaiting {
		c.drops++
		return
	}
	c.buf = build(c.buf)
	c.ends = append(c.ends, packetEnd{len(c.buf), mac})
}

// wake lets the writer look. The lock is held.
func (c *circuit) wake() {
	if len(c.ends) > 0 {
		select {
		case c.kick <- struct{}{}:
		default:
		}
	}
}

// restart ends the Conn, whose reader then opens the link anew. The lock is held.
func (c *circuit) restart() {
	if c.stop != nil {
		c.stop()
	}
}

// drained returns what closes when nothing waits.
func (c *circuit) drained() <-chan struct{} {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	ch := make(chan struct{})
	if c.idle = append(c.idle, ch); c.conn == nil || len(c.ends) == 0 && !c.busy {
		c.settled()
	}
	return ch
}

func (c *circuit) settled() {
	for _, ch := range c.idle {
		close(ch)
	}
	c.idle = nil
}

// run brings the link up again and again.
func (c *circuit) run() {
	ctx := c.n.ctx
	for ctx.Err() == nil {
		began := time.Now()
		conn, err := c.Link.Open(ctx)
		if err == nil {
			err = c.use(ctx, conn)
		}
		c.n.mu.Lock()
		c.cause = err.Error()
		c.n.mu.Unlock()
		select {
		case <-time.After(c.Retry - time.Since(began)):
		case <-ctx.Done():
		}
	}
}

// use reads a Conn to its end, which it returns.
func (c *circuit) use(ctx context.Context, conn link.Conn) error {
	ctx, cancel := context.WithCancel(ctx)
	unclose := context.AfterFunc(ctx, func() { conn.Close() })
	defer unclose()
	n := c.n
	n.mu.Lock()
	c.conn, c.stop, c.cause = conn, cancel, ""
	c.buf, c.ends = c.buf[:0], c.ends[:0]
	c.opens++
	n.routing.Up(time.Now(), c.index)
	n.Unlock()
	var writer sync.WaitGroup
	writer.Go(func() { c.write(ctx, conn) })
	err := c.read(conn)
	n.mu.Lock()
	c.conn, c.stop = nil, nil
	n.routing.Down(time.Now(), c.index, err.Error())
	c.settled()
	n.Unlock()
	cancel()
	conn.Close()
	writer.Wait()
	return err
}

func (c *circuit) read(conn link.Conn) error {
	n := c.n
	for {
		ps, err := conn.Receive()
		if err != nil {
			return err
		}
		now := time.Now()
		n.mu.Lock()
		for _, p := range ps {
			if d, ok := n.routing.Receive(now, c.index, p.MAC, p.Data); ok {
				n.session.NSP.Receive(now, d.Src, d.Returned, d.Payload)
			}
		}
		n.Unlock()
	}
}

// write writes what waits, all of it at once, until the Conn ends.
func (c *circuit) write(ctx context.Context, conn link.Conn) {
	var buf []byte
	var ends []packetEnd
	var packets []link.Packet
	for {
		c.n.mu.Lock()
		c.busy = false
		if len(c.ends) == 0 {
			c.settled()
		}
		buf, c.buf = c.buf, buf[:0]
		ends, c.ends = c.ends, ends[:0]
		c.busy = len(ends) > 0
		c.n.mu.Unlock()
		if len(ends) == 0 {
			select {
			case <-c.kick:
				continue
			case <-ctx.Done():
				return
			}
		}
		packets = packets[:0]
		start := 0
		for _, e := range ends {
			packets = append(packets, link.Packet{Data: buf[start:e.end:e.end], MAC: e.mac})
			start = e.end
		}
		if err := conn.Send(packets); err != nil {
			conn.Close() // the reader tells why
			<-ctx.Done()
			return
		}
	}
}
