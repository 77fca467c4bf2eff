package tenuto

import (
	"reflect"
	"testing"

	"github.com/tenuto-session/tenuto/transport/transporttest"
)

// TestConnAllocatesNothing: a Write and a Read allocate nothing, with the whole of one TSDU or parts of it.
func TestConnAllocatesNothing(t *testing.T) {
	for _, size := range []int{0, 500} {
		a, b, _ := conns(t, transporttest.Options{}, &Config{TSDUSize: size})
		out, in := make([]byte, 4000), make([]byte, 1000)
		if n := testing.AllocsPerRun(500, func() {
			if _, err := a.Write(out); err != nil {
				t.Fatal(err)
			}
			for read := 0; read < len(out); {
				n, err := b.Read(in)
				if err != nil {
					t.Fatal(err)
				}
				read += n
			}
		}); n != 0 && !raceEnabled { // with the race detector pools lose things on purpose
			t.Errorf("TSDU size %d: %v allocations", size, n)
		}
	}
}

// TestSessionSize: an idle session is this struct, and of more than 480 octets the allocator makes 512.
func TestSessionSize(t *testing.T) {
	if size := reflect.TypeFor[Session]().Size(); size > 480 {
		t.Errorf("a Session has %d octets", size)
	}
}

// TestIdleHoldsNothing: a session whose user is a Conn has nothing of what only few need, at neither end.
func TestIdleHoldsNothing(t *testing.T) {
	a, b, l := conns(t, transporttest.Options{}, nil)
	for _, c := range []*Conn{a, b} {
		if _, err := c.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []*Conn{a, b} {
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range []*Session{l.a, l.b} {
		if s.expedited != nil || s.ops != nil || s.set != nil || s.own != nil || s.conn.rd.moment.Load() != nil || s.conn.wr.moment.Load() != nil {
			t.Errorf("it holds %v, %v, %v, %v", s.expedited, s.ops, s.set, s.own)
		}
	}
}

// TestTermsAreShared: sessions of which the same was agreed on hold it together, and each what is its own.
func TestTermsAreShared(t *testing.T) {
	_, _, one := conns(t, transporttest.Options{}, nil)
	_, _, other := conns(t, transporttest.Options{}, nil)
	if one.a.terms != other.a.terms || one.b.terms != other.b.terms {
		t.Errorf("%+v and %+v, %+v and %+v", one.a.terms.Value(), other.a.terms.Value(), one.b.terms.Value(), other.b.terms.Value())
	}
	_, _, third := conns(t, transporttest.Options{}, &Config{UserData: []byte("x")})
	if p := third.a.Parameters(); third.a.terms != one.a.terms || string(p.UserData) != "x" || one.a.UserData() != nil {
		t.Errorf("with user data: %+v", p)
	}
}

// BenchmarkConn shows what the session layer adds to a transport that costs next to nothing.
func BenchmarkConn(b *testing.B) {
	x, y, _ := conns(b, transporttest.Options{Window: 1 << 20}, nil)
	out, in := make([]byte, 1000), make([]byte, 1000)
	b.SetBytes(int64(len(out)))
	for b.Loop() {
		x.Write(out)
		for read := 0; read < len(out); {
			n, err := y.Read(in)
			if err != nil {
				b.Fatal(err)
			}
			read += n
		}
	}
}
