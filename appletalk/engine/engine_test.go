package engine

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/llap"
	"github.com/tenuto-session/tenuto/appletalk/memory"
)

// ticker is a machine that answers frames and does something at times.
type ticker struct {
	at     time.Time
	ticks  []time.Time
	frames []string
}

func (m *ticker) Frame(_ time.Time, port int, b []byte, out *link.Output) {
	m.frames = append(m.frames, fmt.Sprint(port, string(b[llap.HeaderSize:])))
	out.Warn(port, "frame", "key", "value")
}

func (m *ticker) Tick(now time.Time, out *link.Output) {
	m.ticks, m.at = append(m.ticks, now), time.Time{}
	out.Debug(0, "too quiet to be logged")
}

func (m *ticker) Next() time.Time { return m.at }

func frame(text string) []byte {
	return llap.Frame{Dst: llap.Broadcast, Src: 1, Type: llap.TypeShort, Data: []byte(text)}.Append(nil)
}

func TestEngine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		m, cable := &ticker{}, memory.NewCable(link.LocalTalk)
		e := New(m, slog.New(slog.NewTextHandler(&log, nil)))
		peer := cable.Attach()
		e.Attach(3, cable.Attach())
		start := time.Now()
		// The timer is woken for what is earlier than it waits for, and only once.
		for _, in := range []time.Duration{time.Hour, time.Minute} {
			e.Do(func(now time.Time, out *link.Output) { m.at = now.Add(in) })
			synctest.Wait()
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if len(m.ticks) != 1 || m.ticks[0].Sub(start) != time.Minute {
			t.Errorf("ticks at %v", m.ticks)
		}
		e.Do(func(_ time.Time, out *link.Output) { out.End(3, append(out.Begin(), frame("sent")...)) })
		b := make([]byte, link.MaxFrame)
		if n, err := peer.ReadFrame(b); err != nil || string(b[llap.HeaderSize:n]) != "sent" {
			t.Errorf("%q, %v", b[:n], err)
		}
		peer.WriteFrame(frame("heard"))
		synctest.Wait()
		if fmt.Sprint(m.frames) != "[3heard]" {
			t.Errorf("%q", m.frames)
		}
		if err := e.Detach(3); err != nil {
			t.Error(err)
		}
		peer.WriteFrame(frame("gone"))
		e.Attach(3, cable.Attach())
		said := false
		for range 2 {
			if err := e.Close(func(_ time.Time, out *link.Output) {
				said = true
				out.End(3, append(out.Begin(), frame("bye")...))
			}); err != nil {
				t.Error(err)
			}
		}
		if n, err := peer.ReadFrame(b); err != nil || string(b[llap.HeaderSize:n]) != "bye" || !said {
			t.Errorf("%q, %v", b[:n], err)
		}
		if e.Do(func(time.Time, *link.Output) { t.Error("Do after Close") }) {
			t.Error("Do says that it has done it")
		}
		if got := log.String(); !strings.Contains(got, "level=WARN msg=frame link=memory://2 key=value") || strings.Contains(got, "quiet") {
			t.Errorf("log: %s", got)
		}
	})
}

// broken is a link that fails.
type broken struct {
	link.Link
	reads int
}

func (b *broken) ReadFrame(p []byte) (int, error) {
	if b.reads++; b.reads < 10 {
		return 0, errors.New("broken")
	}
	return b.Link.ReadFrame(p)
}

// TestFailures: a link that fails is read again after a pause, and logged once.
func TestFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		m, cable := &ticker{}, memory.NewCable(link.LocalTalk)
		e := New(m, slog.New(slog.NewTextHandler(&log, nil)))
		peer := cable.Attach()
		l := &broken{Link: cable.Attach()}
		e.Attach(0, l)
		time.Sleep(10 * errorPause)
		peer.WriteFrame(frame("after all"))
		synctest.Wait()
		e.Do(func(_ time.Time, out *link.Output) { out.End(0, append(out.Begin(), 1)) }) // none of the link's frames
		e.Close(nil)
		if fmt.Sprint(m.frames) != "[0after all]" || strings.Count(log.String(), "link failed") != 1 {
			t.Errorf("%q\n%s", m.frames, log.String())
		}
	})
}
