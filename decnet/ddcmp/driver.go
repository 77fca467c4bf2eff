package ddcmp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/tenuto-session/tenuto/decnet/internal/datagram"
	"github.com/tenuto-session/tenuto/decnet/internal/plug"
	"github.com/tenuto-session/tenuto/decnet/link"
)

// Link is a DDCMP link. It implements link.Link.
type Link = plug.Link

var (
	overTCP = link.Properties{Restarts: true, MaxBlock: MaxData}
	overUDP = link.Properties{Restarts: true, MaxBlock: MaxData}
)

// Connect makes a link that connects to an address over TCP.
func Connect(address string) (*Link, error) {
	src, err := plug.Dial(address)
	if err != nil {
		return nil, fmt.Errorf("ddcmp: connect: %w", err)
	}
	return plug.New("ddcmp connect "+address, overTCP, src, newLine), nil
}

// Listen makes a link that accepts at an address over TCP.
func Listen(address string) (*Link, error) {
	src, err := plug.Accept(address)
	if err != nil {
		return nil, fmt.Errorf("ddcmp: listen: %w", err)
	}
	return plug.New("ddcmp listen "+src.Addr().String(), overTCP, src, newLine), nil
}

// Datagrams makes a link of UDP datagrams, each with one message, between two addresses.
func Datagrams(local, remote string) (*Link, error) {
	src, err := plug.Datagrams(local, remote)
	if err != nil {
		return nil, fmt.Errorf("ddcmp: datagrams: %w", err)
	}
	return plug.New(fmt.Sprintf("ddcmp udp %v %s", src.Addr(), remote), overUDP, src, newLine), nil
}

// readSize is how much is read at once, and the least that is free for that.
const readSize = 64 << 10

// line is a transport connection with a machine. A goroutine of it writes what the machine says.
type line struct {
	c         io.ReadWriteCloser
	datagrams bool
	buf       []byte
	r, w      int // of buf, what has come and was not looked at
	packets   []link.Packet
	copies    []byte // of packets
	writer    sync.WaitGroup

	mu      sync.Mutex
	changed sync.Cond
	m       *Machine
	timer   *time.Timer
	ended   bool
}

// newLine starts, and waits for the other end.
func newLine(_ context.Context, c io.ReadWriteCloser) (link.Conn, error) {
	_, datagrams := c.(*datagram.Conn)
	l := &line{c: c, datagrams: datagrams, buf: make([]byte, readSize+headerSize+MaxData+crcSize), m: NewMachine(time.Now())}
	l.changed.L = &l.mu
	l.timer = time.AfterFunc(time.Until(l.m.NextTimeout()), l.tick)
	l.writer.Go(l.write)
	for {
		l.mu.Lock()
		running := l.m.State == Running
		l.mu.Unlock()
		if running {
			return l, nil
		}
		if err := l.read(); err != nil {
			l.Close()
			return nil, err
		}
	}
}

func (l *line) tick() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.m.Tick(time.Now())
	l.after()
}

// after does what follows from whatever the machine did. The lock is held.
func (l *line) after() {
	if at := l.m.NextTimeout(); !at.IsZero() && !l.ended {
		l.timer.Reset(time.Until(at))
	} else {
		l.timer.Stop()
	}
	if l.m.State == Over && !l.ended {
		l.ended = true
		defer l.c.Close()
	}
	l.changed.Broadcast()
}

// write writes what the machine says until the line ends.
func (l *line) write() {
	var out []byte
	for {
		l.mu.Lock()
		for len(l.m.Out) == 0 && !l.ended {
			l.changed.Wait()
		}
		out, l.m.Out = l.m.Out, out[:0]
		ended := l.ended
		l.mu.Unlock()
		if ended && len(out) == 0 {
			return
		}
		if err := l.put(out); err != nil {
			l.end()
			return
		}
		if ended {
			return
		}
	}
}

// put writes messages: a stream's at once, or each in a datagram.
func (l *line) put(b []byte) error {
	for len(b) > 0 {
		n := len(b)
		if l.datagrams {
			_, n, _, _ = Scan(b)
		}
		if _, err := l.c.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// read reads once, and gives the machine what has come.
func (l *line) read() error {
	if l.datagrams {
		l.r, l.w = 0, 0 // messages do not go on in the next one
	}
	l.w = copy(l.buf, l.buf[l.r:l.w])
	l.r = 0
	n, err := l.c.Read(l.buf[l.w:])
	l.w += n
	if n == 0 && err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.m.Cause != "" {
			return errors.New("ddcmp: " + l.m.Cause)
		}
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for {
		m, k, ok, damaged := Scan(l.buf[l.r:l.w])
		l.r += k
		if !ok {
			break
		}
		if data := l.m.Receive(now, &m, damaged); data != nil {
			start := len(l.copies)
			l.copies = append(l.copies, data...)
			l.packets = append(l.packets, link.Packet{Data: l.copies[start:len(l.copies):len(l.copies)]})
		}
	}
	l.m.Acknowledge()
	l.after()
	return nil
}

// Receive returns the packets that have come in order.
func (l *line) Receive() ([]link.Packet, error) {
	if got := l.packets; len(got) > 0 { // together with what brought the line up
		l.packets, l.copies = nil, nil
		return got, nil
	}
	l.packets, l.copies = l.packets[:0], l.copies[:0]
	for len(l.packets) == 0 {
		if err := l.read(); err != nil {
			return nil, err
		}
	}
	got := l.packets
	l.packets = nil
	return got, nil
}

// Send sends packets, and waits while too many are under way.
func (l *line) Send(ps []link.Packet) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range ps {
		for l.m.Room() <= 0 && !l.ended {
			l.changed.Wait()
		}
		if l.ended {
			return net.ErrClosed
		}
		if len(p.Data) <= MaxData {
			l.m.Send(time.Now(), p.Data)
			l.after()
		}
	}
	return nil
}

func (l *line) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended {
		l.ended = true
		l.after()
	}
}

// Close ends the line.
func (l *line) Close() error {
	l.end()
	err := l.c.Close()
	l.writer.Wait()
	return err
}
