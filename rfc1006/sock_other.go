//go:build !unix

package rfc1006

// canTry is false: the system has no reads and writes that do not wait, so that goroutines do them all.
const canTry = false

type attempts struct{}

func (c *Conn) initSocket() error { return nil }

func (c *Conn) readSocket() error {
	in := &c.in
	in.n, in.fault = 0, nil
	bufs, buf := in.targets()
	n, err := c.tcp.Read(bufs[0])
	in.got(buf, n)
	return err
}

func (c *Conn) writeSocket() error {
	for {
		bufs, size := c.collect()
		if size == 0 {
			return nil
		}
		n := 0
		var err error
		for _, b := range bufs {
			var m int
			m, err = c.tcp.Write(b)
			if n += m; err != nil {
				break
			}
		}
		if again := c.wrote(n, false, err); !again {
			return nil
		}
	}
}

const maxVec = 8
