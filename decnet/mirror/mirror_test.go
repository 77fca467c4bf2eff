package mirror

import (
	"context"
	"errors"
	"io"
	"testing"
)

// pipe is a link of messages that are there already.
type pipe struct {
	in  [][]byte
	out [][]byte
}

func (p *pipe) Send(_ context.Context, b []byte) error {
	p.out = append(p.out, b)
	return nil
}

func (p *pipe) Receive(context.Context) ([]byte, error) {
	if len(p.in) == 0 {
		return nil, io.EOF
	}
	b := p.in[0]
	p.in = p.in[1:]
	return b, nil
}

func TestServe(t *testing.T) {
	p := &pipe{in: [][]byte{[]byte("\x00hello"), {0}, {}, {7, 8}}}
	if err := Serve(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"\x01hello", "\x01", "\xff", "\xff"} {
		if string(p.out[i]) != want {
			t.Errorf("%d: %q, want %q", i, p.out[i], want)
		}
	}
}

func TestLoop(t *testing.T) {
	p := &pipe{in: [][]byte{[]byte("\x01hello"), []byte("\x01other"), {0xff}, {}}}
	if err := Loop(t.Context(), p, []byte("hello")); err != nil || string(p.out[0]) != "\x00hello" {
		t.Errorf("%v, %q", err, p.out)
	}
	if err := Loop(t.Context(), p, []byte("hello")); !errors.Is(err, ErrDiffers) {
		t.Errorf("%v", err)
	}
	for range 3 {
		if err := Loop(t.Context(), p, []byte("hello")); err == nil {
			t.Error("no error")
		}
	}
	if Most([]byte{0x00, 0x10}) != 4096 || Most(nil) < 65535 {
		t.Error(Most([]byte{0x00, 0x10}), Most(nil))
	}
}
