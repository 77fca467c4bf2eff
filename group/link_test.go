package group

import (
	"context"
	"math/rand/v2"
	"net/url"
	"sync"
	"time"

	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/carrier/memory"
)

// A lab is a network in memory whose carriers take time, both ways the same. What the carriers to a name are like can be changed at any time.
type lab struct {
	*memory.Network

	mu    sync.Mutex
	links map[string]*labLink
}

type labLink struct {
	delay, jitter time.Duration
	rate          int       // octets a second, 0 for no limit
	stalled       time.Time // until then nothing arrives
	r             *rand.Rand
}

func newLab() *lab { return &lab{Network: memory.New(), links: map[string]*labLink{}} }

// set changes the carriers to a name.
func (n *lab) set(name string, change func(*labLink)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change(n.link(name))
}

func (n *lab) link(name string) *labLink {
	if n.links[name] == nil {
		n.links[name] = &labLink{r: rand.New(rand.NewPCG(1, uint64(len(n.links))))}
	}
	return n.links[name]
}

// cut cuts the carriers to a name.
func (n *lab) cut(name string) {
	for _, c := range n.Conns() {
		if c.RemoteAddr().String() == name {
			c.Cut()
		}
	}
}

func (n *lab) Dial(ctx context.Context, u *url.URL) (carrier.Conn, error) {
	c, err := n.Network.Dial(ctx, u)
	if err != nil {
		return nil, err
	}
	return n.wrap(u.Host, c.(*memory.Conn)), nil
}

func (n *lab) Listen(ctx context.Context, u *url.URL) (carrier.Listener, error) {
	ln, err := n.Network.Listen(ctx, u)
	if err != nil {
		return nil, err
	}
	return labListener{ln, n, u.Host}, nil
}

type labListener struct {
	carrier.Listener
	n    *lab
	name string
}

func (l labListener) Accept() (carrier.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.n.wrap(l.name, c.(*memory.Conn)), nil
}

// A labConn delays what is written. A goroutine brings it to the other end.
type labConn struct {
	*memory.Conn
	n    *lab
	name string
	done chan struct{}
	once sync.Once

	mu     sync.Mutex
	cond   sync.Cond
	queue  []labChunk
	queued int
	free   time.Time // when the next octet can depart
	last   time.Time // when the last one arrives
	err    error
}

type labChunk struct {
	b  []byte
	at time.Time
}

// labBuffer is how many octets wait to depart.
const labBuffer = 32 << 10

func (n *lab) wrap(name string, c *memory.Conn) *labConn {
	w := &labConn{Conn: c, n: n, name: name, done: make(chan struct{})}
	w.cond.L = &w.mu
	go w.carry()
	return w
}

func (c *labConn) Write(bufs ...[]byte) (n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.err == nil && c.queued > labBuffer {
		c.cond.Wait()
	}
	return c.put(bufs)
}

func (c *labConn) TryWrite(bufs ...[]byte) (n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil && c.queued > labBuffer {
		return 0, nil
	}
	return c.put(bufs)
}

func (c *labConn) put(bufs [][]byte) (n int, err error) {
	if c.err != nil {
		return 0, c.err
	}
	var b []byte
	for _, p := range bufs {
		b = append(b, p...)
	}
	c.n.mu.Lock()
	l := c.n.link(c.name)
	now := time.Now()
	if c.free.Before(now) {
		c.free = now
	}
	if l.rate > 0 {
		c.free = c.free.Add(time.Duration(len(b)) * time.Second / time.Duration(l.rate))
	}
	at := c.free.Add(l.delay)
	if l.jitter > 0 {
		at = at.Add(time.Duration(l.r.Int64N(int64(l.jitter))))
	}
	c.n.mu.Unlock()
	if at.Before(c.last) {
		at = c.last
	}
	c.last = at
	c.queue = append(c.queue, labChunk{b, at})
	c.queued += len(b)
	c.cond.Broadcast()
	return len(b), nil
}

// carry brings what is written to the other end when it is time.
func (c *labConn) carry() {
	for {
		c.mu.Lock()
		for len(c.queue) == 0 && c.err == nil {
			c.cond.Wait()
		}
		if c.err != nil {
			c.mu.Unlock()
			return
		}
		k := c.queue[0]
		c.mu.Unlock()
		if !c.until(k.at) {
			return
		}
		_, err := c.Conn.Write(k.b)
		c.mu.Lock()
		c.queue = c.queue[1:]
		c.queued -= len(k.b)
		if err != nil && c.err == nil {
			c.err = err
		}
		c.cond.Broadcast()
		c.mu.Unlock()
	}
}

// until waits for an instant, and while the link is stalled.
func (c *labConn) until(at time.Time) bool {
	for {
		c.n.mu.Lock()
		if s := c.n.link(c.name).stalled; at.Before(s) {
			at = s
		}
		c.n.mu.Unlock()
		d := time.Until(at)
		if d <= 0 {
			return true
		}
		timer := time.NewTimer(d)
		select {
		case <-timer.C:
		case <-c.done:
			timer.Stop()
			return false
		}
	}
}

func (c *labConn) Close() error {
	c.once.Do(func() { close(c.done) })
	c.mu.Lock()
	if c.err == nil {
		c.err = memory.ErrReset
	}
	c.cond.Broadcast()
	c.mu.Unlock()
	return c.Conn.Close()
}
