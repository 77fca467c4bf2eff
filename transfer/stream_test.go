package transfer

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/checkpoint"
)

// An activity whose end was committed and not heard of ends again, and nothing changes.
func TestEndedTwice(t *testing.T) {
	dir := t.TempDir()
	r := receiver(t, dir, newStore(), &ReceiverOptions{Existing: Replace})
	var s stream
	s.add(Entry{Type: File, Path: "f", ModTime: time.Unix(1, 0)}, "text")
	must(t, s.deliver(t, r, "a"))
	must(t, os.Remove(filepath.Join(dir, "f"))) // its user has it
	a := s.activity(t, "a")
	a.Resumed = true
	sink, rec, err := r.Open(bg, a)
	must(t, err)
	defer sink.Close()
	if rec.State != checkpoint.Ended || rec.Offset != int64(len(s.octets)) {
		t.Fatalf("record %+v", rec)
	}
	must(t, sink.Commit(bg, rec))
	if _, err := sink.Write([]byte("x")); err == nil {
		t.Error("more is written to an activity that has ended")
	}
	if got := look(t, dir); len(got) > 0 {
		t.Errorf("there is %v", got)
	}
}

func TestWrongStreams(t *testing.T) {
	var one stream
	one.add(Entry{Type: File, Path: "a"}, "text")
	two := stream{octets: one.octets, entries: 2}
	cut := stream{octets: one.octets[:len(one.octets)-1], entries: 1}
	header := stream{octets: one.octets[:10], entries: 1}
	over := stream{octets: append(one.octets[:len(one.octets):len(one.octets)], 0), entries: 1}
	long := stream{octets: []byte{0xff, 0xff}, entries: 1}
	escape := stream{octets: append([]byte(nil), one.octets...), entries: 1}
	escape.octets[2+entryFixed] = '/'
	for why, s := range map[string]*stream{"fewer entries": &two, "half a file": &cut, "half a header": &header, "more entries": &over,
		"a long header": &long, "an absolute path": &escape} {
		dir := t.TempDir()
		err := s.deliver(t, receiver(t, dir, newStore(), nil), "a")
		if f, ok := errors.AsType[*FormatError](err); !ok || f.Entry == 0 {
			t.Errorf("%s: %v; want a FormatError that names the entry", why, err)
		}
		for p := range look(t, dir) {
			if !strings.Contains(p, mark) {
				t.Errorf("%s: %q is there", why, p)
			}
		}
	}
	r := receiver(t, t.TempDir(), newStore(), nil)
	a := one.activity(t, "a")
	a.Header = nil
	if _, _, err := r.Open(bg, a); err == nil {
		t.Error("an activity without a header is taken")
	}
	a = one.activity(t, "b")
	sink, _, err := r.Open(bg, a)
	must(t, err)
	must(t, sink.Close())
	a = two.activity(t, "b")
	a.Resumed = true
	if _, _, err := r.Open(bg, a); err == nil {
		t.Error("an activity is resumed with the header of another")
	}
	a = one.activity(t, "c")
	a.Resumed = true
	if _, _, err := r.Open(bg, a); !errors.Is(err, checkpoint.ErrNotFound) {
		t.Errorf("an activity that nobody knows is resumed: %v", err)
	}
}
