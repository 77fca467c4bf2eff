package endpoint

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/carrier/memory"
	"github.com/tenuto-session/tenuto/transport"
)

// A dripper is a kind of carrier from which the dialling end reads one octet at a time.
type dripper struct {
	*memory.Network
	left atomic.Int64 // octets until the carrier is cut
}

type dripping struct {
	carrier.Conn
	nw *dripper
}

func (nw *dripper) Dial(ctx context.Context, u *url.URL) (carrier.Conn, error) {
	c, err := nw.Network.Dial(ctx, u)
	if err != nil {
		return nil, err
	}
	return dripping{c, nw}, nil
}

func (c dripping) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b[:min(len(b), 1)])
	if n > 0 && c.nw.left.Add(-1) == 0 {
		c.Close()
	}
	return n, err
}

// TestExpeditedTorn: an expedited TSDU is received when all of it is there, and once, wherever the carrier is cut while it comes.
func TestExpeditedTorn(t *testing.T) {
	const frame = 40 // octets, with room to spare
	for cut := range int64(frame) {
		t.Run(fmt.Sprint(cut), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				nw := &dripper{Network: memory.New()}
				a, b := newPair(t, nw, "memory://server").open(t)
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				context.AfterFunc(ctx, a.Wake)
				nw.left.Store(cut)
				buf := make([]byte, 64)
				for _, text := range []string{"first", "the second", "third"} {
					go func() {
						synctest.Wait() // until Receive reads the carrier
						if err := b.SendExpedited(transport.Never, []byte(text)); err != nil {
							t.Error(err)
						}
					}()
					if n, _, err := a.Receive(ctx, buf); !errors.Is(err, transport.ErrExpedited) {
						t.Fatalf("received %q, %v", buf[:n], err)
					}
					if n, ok := a.ReceiveExpedited(buf); !ok || string(buf[:n]) != text {
						t.Errorf("received %q instead of %q", buf[:n], text)
					}
				}
				if n, ok := a.ReceiveExpedited(buf); ok {
					t.Errorf("received %q as well", buf[:n])
				}
			})
		})
	}
}
