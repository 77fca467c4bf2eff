package memory

import (
	"testing"

	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/link/linktest"
	"github.com/tenuto-session/tenuto/appletalk/llap"
)

func TestLink(t *testing.T) {
	for _, kind := range []link.Kind{link.LocalTalk, link.EtherTalk} {
		t.Run(kind.String(), func(t *testing.T) {
			linktest.Run(t, func(t *testing.T, n int) (links []link.Link) {
				cable := NewCable(kind)
				for range n {
					links = append(links, cable.Attach())
				}
				return links
			})
		})
	}
}

func frame(text string) []byte {
	return llap.Frame{Dst: llap.Broadcast, Src: 1, Type: llap.TypeShort, Data: []byte(text)}.Append(nil)
}

func TestDisturb(t *testing.T) {
	cable := NewCable(link.LocalTalk)
	a, b := cable.Attach(), cable.Attach()
	copies := []int{0, 2, 1}
	cable.Disturb(func([]byte) int { n := copies[0]; copies = copies[1:]; return n })
	for _, text := range []string{"lost", "twice", "once"} {
		if err := a.WriteFrame(frame(text)); err != nil {
			t.Fatal(err)
		}
	}
	buf := make([]byte, link.MaxFrame)
	for _, want := range []string{"twice", "twice", "once"} {
		if n, err := b.ReadFrame(buf); err != nil || string(buf[llap.HeaderSize:n]) != want {
			t.Errorf("%q, %v, want %q", buf[:n], err, want)
		}
	}
}

// TestFull: a station that does not read loses frames, and the sender does not wait.
func TestFull(t *testing.T) {
	cable := NewCable(link.LocalTalk)
	a, b := cable.Attach(), cable.Attach()
	for range maxQueue + 5 {
		if err := a.WriteFrame(frame("text")); err != nil {
			t.Fatal(err)
		}
	}
	if b.Lost() != 5 {
		t.Errorf("%d frames were lost", b.Lost())
	}
}

func TestNoAllocations(t *testing.T) {
	cable := NewCable(link.LocalTalk)
	a, b := cable.Attach(), cable.Attach()
	text, buf := frame("text"), make([]byte, link.MaxFrame)
	if n := testing.AllocsPerRun(100, func() {
		a.WriteFrame(text)
		b.ReadFrame(buf)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
