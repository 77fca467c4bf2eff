package netns

import (
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// maxPacket is more than the devices' MTU.
const maxPacket = 2048

// wire carries packets between the hosts, each a while later than it was sent, and counts them.
type wire struct {
	delay   time.Duration // one way
	rate    float64       // octets a second, each way; 0 is no limit
	packets atomic.Int64
	waiting sync.WaitGroup
}

// newSlowLab makes hosts with a wire between them. Not every kernel delays packets when it is asked to (netem): this test does it
// itself, between two TUN devices.
func newSlowLab(t *testing.T, delay time.Duration, tools ...string) (*lab, *wire) {
	t.Helper()
	w := &wire{delay: delay}
	return newWireLab(t, w, tools...), w
}

func newWireLab(t *testing.T, w *wire, tools ...string) *lab {
	t.Helper()
	l := newHosts(t, tools)
	near, far := openTUN(t, l.near), openTUN(t, l.far)
	t.Cleanup(func() {
		_ = near.Close()
		_ = far.Close()
		w.waiting.Wait()
	})
	l.up()
	w.carry(t, near, far) // not before: a device that is down cannot be read
	w.carry(t, far, near)
	return l
}

// openTUN makes a device whose packets the file reads and writes, and which ends with it.
func openTUN(t *testing.T, h host) *os.File {
	t.Helper()
	var f *os.File
	err := h.in(func() error {
		fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			return &os.PathError{Op: "open", Path: "/dev/net/tun", Err: err}
		}
		request, err := unix.NewIfreq(h.device)
		if err == nil {
			request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
			err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
		}
		f = os.NewFile(uintptr(fd), h.device) // not before it is a device: nobody waits for what is none
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// routerQueue is how many octets wait for a wire that has a rate; those beyond are lost.
const routerQueue = 128 << 10

// carry moves packets in one direction.
func (w *wire) carry(t *testing.T, from io.Reader, to io.Writer) {
	type packet struct {
		due    time.Time
		octets []byte
	}
	queue := make(chan packet, 1<<14) // what does not fit is lost, as on any wire
	w.waiting.Go(func() {
		defer close(queue)
		var free time.Time // when the wire takes more
		for {
			b := make([]byte, maxPacket)
			n, err := from.Read(b)
			if errors.Is(err, os.ErrClosed) {
				return
			} else if err != nil {
				t.Error(err)
				return
			}
			w.packets.Add(1)
			due := time.Now()
			if w.rate > 0 {
				if free.Sub(due).Seconds()*w.rate > routerQueue {
					continue
				}
				if free.Before(due) {
					free = due
				}
				free = free.Add(time.Duration(float64(n) / w.rate * float64(time.Second)))
				due = free
			}
			select {
			case queue <- packet{due.Add(w.delay), b[:n]}:
			default:
			}
		}
	})
	w.waiting.Go(func() {
		for p := range queue {
			<-time.After(time.Until(p.due))
			_, _ = to.Write(p.octets) // a device that is down loses it
		}
	})
}
