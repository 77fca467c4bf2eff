// Package linktest is the suite that every link passes.
package linktest

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/elap"
	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/llap"
)

// patience passes only in a test that fails.
const patience = 20 * time.Second

// Run runs the suite. Open makes a link that nobody else is on, and returns n stations on it; the suite closes them.
func Run(t *testing.T, open func(t *testing.T, n int) []link.Link) {
	for _, test := range []struct {
		name string
		f    func(*testing.T, []link.Link)
		n    int
	}{
		{"Passes", testPasses, 3}, {"InOrder", testInOrder, 2}, {"Sizes", testSizes, 2}, {"Closed", testClosed, 2}, {"CloseEndsRead", testCloseEndsRead, 1},
		{"Groups", testGroups, 3}, {"Many", testMany, 3}, {"Properties", testProperties, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			links := open(t, test.n)
			defer func() {
				for _, l := range links {
					l.Close()
				}
			}()
			test.f(t, links)
		})
	}
}

// frame makes one of the link's frames with a text in it, for all stations.
func frame(l link.Link, text string) []byte {
	if l.Kind() == link.EtherTalk {
		return frameTo(l, elap.Broadcast, text)
	}
	return llap.Frame{Dst: llap.Broadcast, Src: 1, Type: llap.TypeShort, Data: []byte(text)}.Append(nil)
}

func frameTo(l link.Link, to link.Hardware, text string) []byte {
	return elap.Finish(append(elap.Begin(nil, to, l.Hardware(), elap.Data), text...), 0)
}

// want reads a frame, which is to be this one.
func want(t *testing.T, l link.Link, b []byte) {
	t.Helper()
	got, err := read(l)
	if err != nil || !bytes.Equal(got, b) {
		t.Fatalf("read % x, %v; want % x", got, err, b)
	}
}

// read reads a frame; it fails rather than waiting for ever.
func read(l link.Link) ([]byte, error) {
	b := make([]byte, link.MaxFrame)
	late := time.AfterFunc(patience, func() { l.Close() })
	defer late.Stop()
	n, err := l.ReadFrame(b)
	return b[:n], err
}

func write(t *testing.T, l link.Link, b []byte) {
	t.Helper()
	if err := l.WriteFrame(b); err != nil {
		t.Fatal(err)
	}
}

// testPasses: all others hear a frame, and the sender does not: it hears the next of another first.
func testPasses(t *testing.T, links []link.Link) {
	first, second := frame(links[0], "first"), frame(links[1], "second")
	write(t, links[0], first)
	want(t, links[1], first)
	want(t, links[2], first)
	write(t, links[1], second)
	want(t, links[0], second)
	want(t, links[2], second)
}

func testInOrder(t *testing.T, links []link.Link) {
	for round := range 20 {
		for i := range 10 {
			write(t, links[0], frame(links[0], fmt.Sprint(round, i)))
		}
		for i := range 10 {
			want(t, links[1], frame(links[0], fmt.Sprint(round, i)))
		}
	}
}

func testSizes(t *testing.T, links []link.Link) {
	least, most := make([]byte, llap.HeaderSize), make([]byte, llap.MaxFrame)
	least[2] = byte(llap.TypeENQ)
	if links[0].Kind() == link.EtherTalk {
		least, most = frame(links[0], ""), frame(links[0], string(make([]byte, 599)))
	}
	for _, b := range [][]byte{least, most} {
		write(t, links[0], b)
		want(t, links[1], b)
	}
	for _, b := range [][]byte{nil, least[:len(least)-1], make([]byte, link.MaxFrame+1)} {
		if err := links[0].WriteFrame(b); !errors.Is(err, link.ErrFrameSize) {
			t.Errorf("%d octets: %v", len(b), err)
		}
	}
}

func testClosed(t *testing.T, links []link.Link) {
	b := frame(links[0], "text")
	for range 2 {
		if err := links[0].Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if err := links[0].WriteFrame(b); !errors.Is(err, link.ErrClosed) {
		t.Errorf("WriteFrame: %v", err)
	}
	if _, err := read(links[0]); !errors.Is(err, link.ErrClosed) {
		t.Errorf("ReadFrame: %v", err)
	}
	write(t, links[1], b)
}

func testCloseEndsRead(t *testing.T, links []link.Link) {
	ended := make(chan error)
	go func() {
		_, err := links[0].ReadFrame(make([]byte, link.MaxFrame))
		ended <- err
	}()
	links[0].Close()
	select {
	case err := <-ended:
		if !errors.Is(err, link.ErrClosed) {
			t.Errorf("ReadFrame: %v", err)
		}
	case <-time.After(patience):
		t.Fatal("Close does not end ReadFrame")
	}
}

// testGroups: who has joined a group hears it, and who is addressed hears that; others may, for not all hardware looks at addresses, but
// they hear what is for all.
func testGroups(t *testing.T, links []link.Link) {
	group := elap.ZoneMulticast(0x51)
	for _, l := range links[1:] {
		if err := l.Join(group); err != nil {
			t.Fatal(err)
		}
	}
	if err := links[2].Leave(group); err != nil {
		t.Fatal(err)
	}
	if links[0].Kind() != link.EtherTalk {
		return
	}
	last := frame(links[0], "for all")
	for _, to := range []link.Hardware{group, links[1].Hardware()} {
		b := frameTo(links[0], to, "for one")
		write(t, links[0], b)
		write(t, links[0], last)
		want(t, links[1], b)
		want(t, links[1], last)
		for {
			got, err := read(links[2])
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Equal(got, last) {
				break
			}
			if !bytes.Equal(got, b) {
				t.Fatalf("read % x", got)
			}
		}
	}
}

// testMany: several goroutines write at once while others read, and what is heard is what was written.
func testMany(t *testing.T, links []link.Link) {
	const frames = 100 // few enough for any queue
	var writing sync.WaitGroup
	for _, l := range links[1:] {
		writing.Go(func() {
			for i := range frames {
				if err := l.WriteFrame(frame(l, fmt.Sprintf("%03d", i))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	heard := map[string]int{}
	for range 2 * frames {
		b, err := read(links[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range links[1:] {
			for i := range frames {
				if bytes.Equal(b, frame(l, fmt.Sprintf("%03d", i))) {
					heard[fmt.Sprint(l.Hardware(), i)]++
				}
			}
		}
	}
	each := frames
	if links[0].Kind() == link.EtherTalk {
		each = 2 * frames
	}
	if len(heard) != each {
		t.Errorf("%d different frames were heard", len(heard))
	}
}

func testProperties(t *testing.T, links []link.Link) {
	for _, l := range links {
		if l.String() == "" || (l.Kind() == link.EtherTalk) == l.Hardware().IsZero() || l.Hardware().IsMulticast() {
			t.Errorf("%q, %v, %v", l.String(), l.Kind(), l.Hardware())
		}
	}
}
