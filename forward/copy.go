package forward

import (
	"io"
	"sync"
	"sync/atomic"
)

const (
	// bufferSize is what a way in full flow copies at a time. The buffers are pooled.
	bufferSize = 64 << 10

	// idleBuffer is what a way keeps while little flows: a thousand idle connections then cost 8 MiB and not 128.
	idleBuffer = 4 << 10
)

var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// copyOctets copies until a read or a write fails, and returns which; the end of src is a rerr of io.EOF.
func copyOctets(dst io.Writer, src io.Reader, count *atomic.Int64) (rerr, werr error) {
	small := make([]byte, idleBuffer)
	var large *[bufferSize]byte
	defer func() {
		if large != nil {
			buffers.Put(large)
		}
	}()
	buf := small
	for {
		n, rerr := src.Read(buf)
		if n > 0 {
			k, werr := dst.Write(buf[:n])
			count.Add(int64(k))
			if werr == nil && k < n {
				werr = io.ErrShortWrite
			}
			if werr != nil {
				return nil, werr
			}
		}
		switch {
		case rerr != nil:
			return rerr, nil
		case n == len(buf) && large == nil:
			large = buffers.Get().(*[bufferSize]byte)
			buf = large[:]
		case n < idleBuffer && large != nil:
			buffers.Put(large)
			large, buf = nil, small
		}
	}
}
