package netns

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// nc -N closes its sending side at the end of its input and reads on: the far program answers what it read only then.
func TestHalfClose(t *testing.T) {
	t.Parallel()
	l := newLab(t, "nc")
	g := newGate(step)
	const size = 2 * step // each way
	l.accept(func(c *net.TCPConn) {
		sum, _, err := digest(c)
		if err != nil {
			return // nc gets no answer
		}
		answer := newSource(size, 2, g)
		if _, err := io.WriteString(c, sum+"\n"); err == nil {
			_, _ = io.Copy(c, answer)
		}
	})
	l.join()

	traffic := l.together()
	traffic.run("nc -N", func(context.Context) error {
		question := newSource(size, 1, g)
		answer := &lineThenDigest{}
		address, port, _ := strings.Cut(localEnd, ":")
		if err := l.start(l.near, question, answer, "nc", "-N", address, port).wait(); err != nil {
			return err
		}
		if err := same(answer.line(), question.sum()); err != nil {
			return fmt.Errorf("what the server read: %w", err)
		}
		wanted, _, _ := digest(newSource(size, 2, nil))
		sum, _, err := digest(answer)
		if err != nil {
			return err
		}
		return same(sum, wanted)
	})
	l.cutEach(g, killNear, killFar, killNear)
	traffic.end()
}

// lineThenDigest keeps what a program prints: a line, and what follows it.
type lineThenDigest struct{ bytes.Buffer }

func (d *lineThenDigest) line() string {
	line, _ := d.ReadString('\n')
	return strings.TrimSpace(line)
}

// A thousand short connections and one that never rests share a bridge whose carrier is killed again and again.
func TestShortConnectionsBesideBulk(t *testing.T) {
	t.Parallel()
	const (
		short = 1000
		atime = 8
		cuts  = 10
	)
	l := newLab(t)
	enough := make(chan struct{}) // closed when the bulk may end, after the last cut
	sums := make(chan string, 1)  // the digest of what the bulk's server sent
	l.accept(func(c *net.TCPConn) {
		var first [1]byte
		if _, err := io.ReadFull(c, first[:]); err != nil {
			return
		}
		if first[0] == 's' {
			_, _ = io.Copy(c, c) // to the end of what the client sends
			return
		}
		bulk := newSource(1<<60, 1, nil)
		buf := make([]byte, 64<<10)
		for {
			select {
			case <-enough:
				sums <- bulk.sum()
				return
			default:
			}
			n, _ := bulk.Read(buf)
			if _, err := c.Write(buf[:n]); err != nil {
				return
			}
		}
	})
	l.join()

	traffic := l.together()
	traffic.run("bulk", func(ctx context.Context) error {
		c, err := l.dial(ctx)
		if err != nil {
			return err
		}
		defer c.Close()
		if _, err := c.Write([]byte("b")); err != nil {
			return err
		}
		sum, n, err := digest(c)
		if err != nil {
			return fmt.Errorf("after %d octets: %w", n, err)
		}
		l.t.Logf("%d octets of bulk", n)
		return same(sum, <-sums)
	})
	var finished atomic.Int32
	due := make(chan struct{}) // a cut is due after each of so many short connections, and whoever finds it so waits for it
	numbers := make(chan int)
	var workers sync.WaitGroup
	for range atime {
		workers.Add(1)
		traffic.run("short connections", func(ctx context.Context) error {
			defer workers.Done()
			for number := range numbers {
				if err := l.shortConnection(ctx, number); err != nil {
					for range numbers {
						// The others' numbers are taken, so that nobody waits.
					}
					return err
				}
				if finished.Add(1)%(short/cuts) == short/cuts/2 {
					due <- struct{}{}
				}
			}
			return nil
		})
	}
	traffic.run("numbers", func(context.Context) error {
		for number := range short {
			numbers <- number
		}
		close(numbers)
		workers.Wait()
		close(due)
		return nil
	})
	made := 0
	for range due {
		l.cut([]cut{killNear, killFar}[made%2])
		made++
	}
	close(enough) // not before: without a stream a bridge has no use for a new carrier
	traffic.end()
	if made != cuts {
		t.Errorf("got %d cuts, want %d", made, cuts)
	}
}

func (l *lab) shortConnection(ctx context.Context, number int) error {
	c, err := l.dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	question := fmt.Sprintf("connection %d of many", number)
	if _, err := io.WriteString(c, "s"+question); err != nil {
		return err
	}
	if err := c.CloseWrite(); err != nil {
		return err
	}
	answer, err := io.ReadAll(c)
	if err != nil {
		return fmt.Errorf("connection %d: %w", number, err)
	}
	if got := string(answer); got != question {
		return fmt.Errorf("connection %d: got %q, want %q", number, got, question)
	}
	return nil
}

// A server sends and closes while the link is down, and the client, which has said nothing, reads to the end.
func TestServerClosesFirst(t *testing.T) {
	for _, size := range []int64{0, 1 << 20} {
		t.Run(fmt.Sprintf("after %d octets", size), func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			accepted := make(chan struct{})
			down := make(chan struct{})
			l.accept(func(c *net.TCPConn) {
				close(accepted)
				<-down
				_, _ = io.Copy(c, newSource(size, 1, nil))
			})
			l.join()

			traffic := l.together()
			traffic.run("client", func(ctx context.Context) error {
				c, err := l.dial(ctx)
				if err != nil {
					return err
				}
				defer c.Close()
				sum, n, err := digest(c)
				if err != nil {
					return fmt.Errorf("after %d octets: %w", n, err)
				}
				wanted, _, _ := digest(newSource(size, 1, nil))
				return same(sum, wanted)
			})
			<-accepted
			closing := linkDown
			closing.apply = func(l *lab) {
				linkDown.apply(l)
				close(down)
			}
			l.cut(closing)
			traffic.end()
		})
	}
}
