// Package memory is an AppleTalk link within one process: a cable, and stations on it.
//
//	cable := memory.NewCable(link.LocalTalk)
//	a, b := cable.Attach(), cable.Attach()
//
// # Limitations
//
// A station that does not read loses what comes when its queue is full, as on a real cable.
package memory

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tenuto-session/tenuto/appletalk/elap"
	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/llap"
)

// The bounds of a station's queue.
const (
	maxQueue  = 1024      // frames
	maxOctets = 256 << 10 // all together
)

// Cable is a link of one kind. Its methods may be called at any time.
type Cable struct {
	kind     link.Kind
	stations atomic.Pointer[[]*Link] // replaced as a whole

	mu       sync.Mutex // guards attached, copies and the replacing of stations
	attached int
	copies   func(frame []byte) int
	disturb  atomic.Bool // there is copies
}

// NewCable makes a cable without stations.
func NewCable(kind link.Kind) *Cable {
	c := &Cable{kind: kind}
	c.stations.Store(&[]*Link{})
	return c
}

// Disturb lets f say how often each station gets a frame, in place of once: that is how frames are lost and doubled. It is called
// by one goroutine at a time.
func (c *Cable) Disturb(f func(frame []byte) int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.copies = f
	c.disturb.Store(f != nil)
}

// times is how often a station gets a frame.
func (c *Cable) times(b []byte) int {
	if !c.disturb.Load() {
		return 1
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.copies == nil {
		return 1
	}
	return c.copies(b)
}

// Attach adds a station. On EtherTalk it has a hardware address that no other has.
func (c *Cable) Attach() *Link {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.attached++
	l := &Link{cable: c, joined: map[link.Hardware]bool{}, name: fmt.Sprintf("memory://%d", c.attached)}
	if c.kind == link.EtherTalk {
		l.hw = link.Hardware{0x02, 0, 0, 0, byte(c.attached >> 8), byte(c.attached)}
	}
	l.arrived.L = &l.mu
	all := append(slices.Clone(*c.stations.Load()), l)
	c.stations.Store(&all)
	return l
}

// Link is a station on a cable: a link.Link.
type Link struct {
	cable *Cable
	hw    link.Hardware
	name  string

	reading batch // of the reader alone
	at      int   // the next frame of it

	mu      sync.Mutex
	arrived sync.Cond
	waiting bool
	closed  bool
	queue   batch
	joined  map[link.Hardware]bool
	lost    int
}

// batch is frames in a row, and where each ends.
type batch struct {
	b    []byte
	ends []int
}

var _ link.Link = (*Link)(nil)

// Kind implements link.Link.
func (l *Link) Kind() link.Kind { return l.cable.kind }

// Hardware implements link.Link.
func (l *Link) Hardware() link.Hardware { return l.hw }

// String implements link.Link.
func (l *Link) String() string { return l.name }

// Lost is how many frames did not have room in the queue.
func (l *Link) Lost() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost
}

// ReadFrame implements link.Link.
func (l *Link) ReadFrame(b []byte) (int, error) {
	if l.at == len(l.reading.ends) {
		if err := l.swap(); err != nil {
			return 0, err
		}
	}
	from := 0
	if l.at > 0 {
		from = l.reading.ends[l.at-1]
	}
	n := copy(b, l.reading.b[from:l.reading.ends[l.at]])
	l.at++
	return n, nil
}

// swap waits for frames and takes all that there are.
func (l *Link) swap() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.queue.ends) == 0 && !l.closed {
		l.waiting = true
		l.arrived.Wait()
	}
	l.waiting = false
	if l.closed {
		return link.ErrClosed
	}
	l.reading, l.queue = l.queue, batch{l.reading.b[:0], l.reading.ends[:0]}
	l.at = 0
	return nil
}

// WriteFrame implements link.Link.
func (l *Link) WriteFrame(b []byte) error {
	least, most := llap.HeaderSize, llap.MaxFrame
	if l.cable.kind == link.EtherTalk {
		least, most = elap.MinFrame, link.MaxFrame
	}
	if len(b) < least || len(b) > most {
		return link.ErrFrameSize
	}
	all := *l.cable.stations.Load()
	if !slices.Contains(all, l) {
		return link.ErrClosed
	}
	for _, to := range all {
		if to == l {
			continue
		}
		for range l.cable.times(b) {
			to.put(b)
		}
	}
	return nil
}

// put puts a frame that the station hears into its queue.
func (l *Link) put(b []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.cable.kind == link.EtherTalk && !l.hears(link.Hardware(b)) {
		return
	}
	if len(l.queue.ends) == maxQueue || len(l.queue.b)+len(b) > maxOctets {
		l.lost++
		return
	}
	l.queue.b = append(l.queue.b, b...)
	l.queue.ends = append(l.queue.ends, len(l.queue.b))
	if l.waiting {
		l.waiting = false
		l.arrived.Signal()
	}
}

func (l *Link) hears(to link.Hardware) bool {
	return to == l.hw || to == elap.Broadcast || l.joined[to]
}

// Join implements link.Link.
func (l *Link) Join(hw link.Hardware) error { return l.join(hw, true) }

// Leave implements link.Link.
func (l *Link) Leave(hw link.Hardware) error { return l.join(hw, false) }

func (l *Link) join(hw link.Hardware, joined bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return link.ErrClosed
	}
	if joined {
		l.joined[hw] = true
	} else {
		delete(l.joined, hw)
	}
	return nil
}

// Close implements link.Link.
func (l *Link) Close() error {
	c := l.cable
	c.mu.Lock()
	all := slices.DeleteFunc(slices.Clone(*c.stations.Load()), func(o *Link) bool { return o == l })
	c.stations.Store(&all)
	c.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.arrived.Broadcast()
	return nil
}
