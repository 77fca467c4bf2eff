package durable

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/checkpoint"
)

// TestOSI: all of it holds over RFC 1006: sessions that are lost, an interrupt in the middle of an SSDU, a resume that names the old connection, and
// idle sessions that are released.
func TestOSI(t *testing.T) {
	ep, err := tenuto.NewEndpoint(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ep.Close()
	ln, err := ep.Listen(bg, "osi://127.0.0.1:0", &tenuto.Config{Units: Units})
	if err != nil {
		t.Fatal(err)
	}
	d := newDisk(checkpoint.NewMemory(nil))
	ctx, cancel := context.WithCancel(bg)
	var serving sync.WaitGroup
	defer serving.Wait()
	defer cancel()
	serving.Go(func() {
		if err := (&Server{Receiver: d}).Serve(ctx, ln); err != nil {
			t.Error(err)
		}
	})
	var resumed, released atomic.Int32
	var dialled []*tenuto.Session
	more := make(chan struct{})
	snd := &Sender{Store: checkpoint.NewMemory(nil), Initiator: "SHA256:me", Distance: 100000, Idle: 20 * time.Millisecond,
		Dial: func(ctx context.Context, cfg *tenuto.Config) (*tenuto.Session, error) {
			c := *cfg
			c.Trace = func(tr tenuto.Trace) {
				s := tr.SPDU.String()
				switch {
				case tr.Sent && strings.HasPrefix(s, "AR("):
					resumed.Add(1)
					if !strings.Contains(s, "SHA256:me") {
						t.Errorf("the old connection is not named: %s", s)
					}
				case tr.Sent && strings.HasPrefix(s, "FN("):
					if released.Add(1) == 1 {
						close(more)
					}
				}
			}
			s, err := ep.Dial(ctx, ln.URL(), &c)
			dialled = append(dialled, s)
			return s, err
		}}
	src := &tape{b: pattern(1 << 20), most: 10000}
	src.wait = func(at int) error {
		switch at {
		case 300000:
			if resumed.Load() == 0 {
				dialled[0].Break()
			}
		case 500000:
			<-more // nothing comes until the session is released
		}
		return nil
	}
	if err := snd.Send(ctx, Outgoing{ID: "work", Source: src}); err != nil {
		t.Fatal(err)
	}
	if got := d.file("work"); string(got) != string(src.b) || d.wrote != int64(len(src.b)) {
		t.Errorf("%d octets, %d committed", len(got), d.wrote)
	}
	if resumed.Load() < 2 || len(dialled) < 3 {
		t.Errorf("%d resumed on %d sessions", resumed.Load(), len(dialled))
	}

	// An interrupt while an SSDU is on its way, which is not cut here.
	stop, enough := context.WithCancel(ctx)
	d.after = func(*checkpoint.Record) { enough() }
	src = &tape{b: pattern(8 << 20)}
	if err := snd.Send(stop, Outgoing{ID: "next", Source: src}); err != context.Canceled {
		t.Fatal(err)
	}
	d.after = nil
	if err := snd.Send(ctx, Outgoing{ID: "next", Source: src}); err != nil {
		t.Fatal(err)
	}
	if got := d.file("next"); string(got) != string(src.b) || d.wrote != int64(len(src.b))+1<<20 {
		t.Errorf("%d octets, %d committed", len(got), d.wrote)
	}
	if err := snd.Close(); err != nil {
		t.Error(err)
	}
}
