package durable

import (
	"context"
	"errors"
	"io"
)

// chunkSize is how much a Source is asked for at a time, in octets; that much is sent while the next is read.
const chunkSize = 256 << 10

// A chunk is what a Read has returned.
type chunk struct {
	buf   []byte // belongs to the pump
	n     int
	point bool
	err   error // io.EOF, or the Source's
}

// A pump reads a Source ahead, in a goroutine of its own from start to stop.
type pump struct {
	src  Source
	out  chan chunk // what was read; the next to come
	free chan []byte
	quit chan struct{}
	done chan struct{} // nil while it does not run
}

// start reads from an offset on.
func (p *pump) start(offset int64) error {
	p.stop()
	if err := p.src.Rewind(offset); err != nil {
		return &SourceError{err}
	}
	const ahead = 2
	p.out, p.free, p.quit, p.done = make(chan chunk), make(chan []byte, ahead), make(chan struct{}), make(chan struct{})
	for range ahead {
		p.free <- make([]byte, chunkSize)
	}
	go p.run(p.done)
	return nil
}

// stop waits for the Read that has begun.
func (p *pump) stop() {
	if p.done != nil {
		close(p.quit)
		<-p.done
		p.done = nil
	}
}

func (p *pump) run(done chan<- struct{}) {
	defer close(done)
	for {
		var c chunk
		select {
		case c.buf = <-p.free:
		case <-p.quit:
			return
		}
		c.n, c.err = p.src.Read(c.buf)
		if errors.Is(c.err, ErrPoint) {
			c.point, c.err = true, nil
		} else if c.err != nil && !errors.Is(c.err, io.EOF) {
			c.err = &SourceError{c.err}
		}
		select {
		case p.out <- c:
		case <-p.quit:
			return
		}
		if c.err != nil {
			return
		}
	}
}

// await waits until there is something to send, and drops it: it is read again.
func (p *pump) await(ctx context.Context) error {
	select {
	case <-p.out:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
