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

// A labConn delays what is written. One goroutine has it depart, another one arrive.
type labConn struct {
	*memory.Conn
	n    *lab
	name string
	done chan struct{}
	once sync.Once

	mu     sync.Mutex
	cond   sync.Cond
	queue  [][]byte // waits to depart
	queued int
	air    []labChunk // is on its way
	err    error
}

type labChunk struct {
	b  []byte
	at time.Time
}

// labBuffer is how many octets wait to depart, and labPiece how many depart at a time.
const (
	labBuffer = 8 << 10
	labPiece  = 512
)

func (n *lab) wrap(name string, c *memory.Conn) *labConn {
	w := &labConn{Conn: c, n: n, name: name, done: make(chan struct{})}
	w.cond.L = &w.mu
	go w.depart()
	go w.arrive()
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
	for _, p := range bufs {
		for len(p) > 0 {
			k := min(len(p), labPiece)
			c.queue = append(c.queue, append([]byte(nil), p[:k]...))
			p = p[k:]
			n += k
		}
	}
	c.queued += n
	c.cond.Broadcast()
	return n, nil
}

// take waits until there is something, with mu held after it; not if the carrier is over.
func (c *labConn) take(there func() bool) bool {
	c.mu.Lock()
	for !there() && c.err == nil {
		c.cond.Wait()
	}
	return c.err == nil
}

// depart sends pieces at the link's rate.
func (c *labConn) depart() {
	defer c.mu.Unlock()
	for c.take(func() bool { return len(c.queue) > 0 }) {
		b := c.queue[0]
		c.mu.Unlock()
		c.n.mu.Lock()
		l := c.n.link(c.name)
		rate := l.rate
		c.n.mu.Unlock()
		if rate > 0 && !c.until(time.Now().Add(time.Duration(len(b))*time.Second/time.Duration(rate))) {
			c.mu.Lock()
			return
		}
		c.n.mu.Lock()
		at := time.Now().Add(l.delay)
		if l.jitter > 0 {
			at = at.Add(time.Duration(l.r.Int64N(int64(l.jitter))))
		}
		c.n.mu.Unlock()
		c.mu.Lock()
		c.queue = c.queue[1:]
		c.queued -= len(b)
		c.air = append(c.air, labChunk{b, at})
		c.cond.Broadcast()
		c.mu.Unlock()
	}
}

// arrive brings pieces to the other end when it is time.
func (c *labConn) arrive() {
	defer c.mu.Unlock()
	for c.take(func() bool { return len(c.air) > 0 }) {
		k := c.air[0]
		c.air = c.air[1:]
		c.mu.Unlock()
		err := memory.ErrReset
		if c.arrived(k.at) {
			_, err = c.Conn.Write(k.b)
		}
		if err != nil {
			c.mu.Lock()
			if c.err == nil {
				c.err = err
			}
			c.cond.Broadcast()
			return
		}
	}
}

// arrived waits for an instant, and until the link is not stalled.
func (c *labConn) arrived(at time.Time) bool {
	for {
		c.n.mu.Lock()
		if s := c.n.link(c.name).stalled; at.Before(s) {
			at = s
		}
		c.n.mu.Unlock()
		if time.Until(at) <= 0 {
			return true
		}
		if !c.until(at) {
			return false
		}
	}
}

// until waits for an instant; false if the carrier is closed before.
func (c *labConn) until(at time.Time) bool {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.done:
		return false
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
