package link

import (
	"errors"
	"net"
	"testing"
)

func TestOutput(t *testing.T) {
	var o Output
	for range 2 {
		o.End(1, append(o.Begin(), "one"...))
		o.End(0, append(o.Begin(), "two"...))
		o.Warn(2, "text", "k", 1)
		o.Note(-1, "text")
		var got string
		for port, b := range o.Frames() {
			got += string(rune('0'+port)) + string(b) + " "
		}
		if got != "1one 0two " || o.Len() != 2 || o.Notes[0].Level != Warning || o.Notes[1].Port != -1 {
			t.Errorf("%q, %v", got, o.Notes)
		}
		o.Reset()
	}
	if o.Len() != 0 || len(o.Notes) != 0 {
		t.Errorf("after Reset: %d frames, %v", o.Len(), o.Notes)
	}
	if n := testing.AllocsPerRun(100, func() {
		o.End(1, append(o.Begin(), "one"...))
		o.Reset()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestNotation(t *testing.T) {
	h := Hardware{9, 0, 7, 0xff, 0xff, 0xff}
	if h.String() != "09:00:07:ff:ff:ff" || !h.IsMulticast() || h.IsZero() || (Hardware{8}).IsMulticast() || !(Hardware{}).IsZero() {
		t.Errorf("%v", h)
	}
	if LocalTalk.String() != "LocalTalk" || EtherTalk.String() != "EtherTalk" || Kind(9).String() != "kind 9" {
		t.Error("kinds")
	}
	if !errors.Is(ErrClosed, net.ErrClosed) {
		t.Error("ErrClosed is no net.ErrClosed")
	}
}
