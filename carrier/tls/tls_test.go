package tls

import (
	"bytes"
	"net/url"
	"testing"

	"go.uber.org/goleak"

	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/carrier/carriertest"
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
	if near.Binding() != nil || far.Binding() != nil || near.Secret() != nil || far.Secret() != nil {
		t.Errorf("without binding: %x, %x, secrets %x, %x", near.Binding(), far.Binding(), near.Secret(), far.Secret())
	}
}
