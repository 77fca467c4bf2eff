package tls

import (
	"bytes"
	"io"
	"net/url"
	"testing"

	"go.uber.org/goleak"

	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/carrier/carriertest"
	"github.com/tenuto-session/tenuto/carrier/internal/socket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCarrier(t *testing.T) { carriertest.Run(t, &Network{}, "tenuto://127.0.0.1:0") }

func TestCarrierWithoutBinding(t *testing.T) {
	carriertest.Run(t, &Network{NoBinding: true}, "tenuto://127.0.0.1:0")
}

var anywhere = &url.URL{Scheme: Scheme, Host: "127.0.0.1:0"}

func listen(t testing.TB, nw *Network) (carrier.Listener, *url.URL) {
	t.Helper()
	ln, err := nw.Listen(t.Context(), anywhere)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln, &url.URL{Scheme: Scheme, Host: ln.Addr().String()}
}

func pair(t testing.TB, nw *Network) (near, far *conn) {
	t.Helper()
	ln, u := listen(t, nw)
	accepted := make(chan struct{})
	go func() {
		defer close(accepted)
		c, err := ln.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		far = c.(*conn)
		far.Binding()
	}()
	c, err := nw.Dial(t.Context(), u)
	<-accepted
	if err != nil || far == nil {
		t.Fatal(err)
	}
	ln.Close()
	near = c.(*conn)
	t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

// Read allocates what crypto/tls does, which is one small thing for each time that it asks for octets.
func TestWriteAllocatesNothing(t *testing.T) {
	near, far := pair(t, &Network{})
	bufs := [][]byte{bytes.Repeat([]byte("h"), 16), bytes.Repeat([]byte("p"), 20_000), []byte("t")}
	for name, write := range map[string]func(...[]byte) (int, error){"TryWrite": near.TryWrite, "Write": near.Write} {
		if name == "TryWrite" && !socket.CanTryWrite {
			continue
		}
		for slices := 1; slices <= len(bufs); slices++ {
			written := 0
			got := testing.AllocsPerRun(5, func() {
				n, err := write(bufs[:slices]...)
				if err != nil || n == 0 {
					t.Fatalf("%s = %d, %v", name, n, err)
				}
				written += n
			})
			if got != 0 {
				t.Errorf("%s of %d slices: %v allocations; want 0", name, slices, got)
			}
			if _, err := io.CopyN(io.Discard, far, int64(written)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestBinding(t *testing.T) {
	nw := &Network{}
	near, far := pair(t, nw)
	if got := near.Binding(); len(got) != 32 || !bytes.Equal(got, far.Binding()) {
		t.Errorf("bindings %x, %x; want 32 equal octets", got, far.Binding())
	}
	// Another carrier of the same networks has another one.
	again, _ := pair(t, nw)
	if bytes.Equal(again.Binding(), near.Binding()) {
		t.Errorf("two carriers have the binding %x", near.Binding())
	}
	near, far = pair(t, &Network{NoBinding: true})
	if near.Binding() != nil || far.Binding() != nil {
		t.Errorf("without binding: %x, %x", near.Binding(), far.Binding())
	}
}
