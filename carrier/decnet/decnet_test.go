package decnet

import (
	"context"
	"io"
	"net/url"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/carrier/carriertest"
	"github.com/tenuto-session/tenuto/decnet"
	"github.com/tenuto-session/tenuto/decnet/link"
	"github.com/tenuto-session/tenuto/decnet/memory"
	"github.com/tenuto-session/tenuto/decnet/node"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// two is a network of which one node dials and the other listens.
type two struct{ dials, listens *Network }

func (two) Scheme() string { return Scheme }
func (t two) Dial(ctx context.Context, u *url.URL) (carrier.Conn, error) {
	return t.dials.Dial(ctx, u)
}
func (t two) Listen(ctx context.Context, u *url.URL) (carrier.Listener, error) {
	return t.listens.Listen(ctx, u)
}

func newTwo(t *testing.T) two {
	t.Helper()
	la, lb := memory.Pair()
	var nodes [2]*node.Node
	for i, l := range []link.Link{la, lb} {
		n, err := node.New(node.Config{Addr: decnet.NewAddr(1, i+1), Circuits: []node.Circuit{{Name: "C", Link: l}}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { n.Close() })
		nodes[i] = n
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := nodes[0].AwaitCircuit(ctx); err != nil {
		t.Fatal(err)
	}
	return two{New(nodes[0]), New(nodes[1])}
}

func TestCarrier(t *testing.T) { carriertest.Run(t, newTwo(t), Scheme+"://1.2:225") }

func TestURLs(t *testing.T) {
	nw := newTwo(t)
	for _, text := range []string{"://1.2:0", "://1.2:256", "://:225", "://1.9:225", "://nobody:225"} {
		u, err := url.Parse(Scheme + text)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := nw.Dial(t.Context(), u); err == nil {
			c.Close()
			t.Errorf("%s is dialled", u)
		}
	}
	for _, text := range []string{"://1.1:225", "://nobody:225", "://1.2:300"} {
		u, err := url.Parse(Scheme + text)
		if err != nil {
			t.Fatal(err)
		}
		if ln, err := nw.Listen(t.Context(), u); err == nil {
			ln.Close()
			t.Errorf("%s is listened at", u)
		}
	}
	ln, err := nw.Listen(t.Context(), &url.URL{Scheme: Scheme, Host: ""})
	if err != nil || ln.Addr().String() != "1.2:225" {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		if c, err := ln.Accept(); err == nil {
			c.Write([]byte("hello"))
			c.Close()
		}
	}()
	c, err := nw.Dial(t.Context(), &url.URL{Scheme: Scheme, Host: "1.2"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got, err := io.ReadAll(c); err != nil || string(got) != "hello" {
		t.Errorf("%q, %v", got, err)
	}
}
