package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"image"
	"image/jpeg"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// patience bounds what should happen at once. It passes only in a test that fails.
const patience = 30 * time.Second

// start runs the program, and returns the address of its page.
func start(t *testing.T, args ...string) (url string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, append([]string{"-listen", "127.0.0.1:0"}, args...), w)
		w.CloseWithError(io.EOF)
		ended <- err
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	url, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(url)
}

// A watcher is a viewer without eyes.
type watcher struct {
	t      *testing.T
	ctx    context.Context
	c      *websocket.Conn
	last   uint64
	counts [2]int
	state  state
	events []string
}

func watch(t *testing.T, url string) *watcher {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	c, _, err := websocket.Dial(ctx, strings.Replace(url, "http", "ws", 1)+"show", nil)
	if err != nil {
		t.Fatal(err)
	}
	c.SetReadLimit(1 << 20)
	t.Cleanup(func() { c.CloseNow() })
	return &watcher{t: t, ctx: ctx, c: c}
}

// until looks until cond holds.
func (w *watcher) until(what string, cond func() bool) {
	w.t.Helper()
	for !cond() {
		typ, b, err := w.c.Read(w.ctx)
		if err != nil {
			w.t.Fatalf("until %s: %v; %+v %q", what, err, w.state, w.events)
		}
		if typ == websocket.MessageBinary {
			w.unit(int(b[0]), binary.BigEndian.Uint64(b[1:]), b[9:])
			continue
		}
		var v struct {
			State *state
			Event string
		}
		if err := json.Unmarshal(b, &v); err != nil {
			w.t.Fatal(err)
		}
		if v.State != nil {
			w.state = *v.State
		}
		if v.Event != "" {
			w.events = append(w.events, v.Event)
		}
	}
}

func (w *watcher) unit(stream int, t uint64, b []byte) {
	w.t.Helper()
	if t < w.last {
		w.t.Errorf("time %d comes after %d", t, w.last)
	}
	w.last = t
	w.counts[stream]++
	if stream == pictureStream {
		if _, err := jpeg.DecodeConfig(bytes.NewReader(b)); err != nil {
			w.t.Error(err)
		}
	} else if len(b) != 2*soundUnit {
		w.t.Errorf("%d octets of sound", len(b))
	}
}

func (w *watcher) wish(v wish) {
	w.t.Helper()
	if err := wsjson.Write(w.ctx, w.c, v); err != nil {
		w.t.Fatal(err)
	}
}

// TestShow: the picture falls behind when it is throttled, and is in step again afterwards, and after a cut; the sound goes on.
func TestShow(t *testing.T) {
	w := watch(t, start(t))
	w.until("both are shown", func() bool { return w.counts[0] > 25 && w.counts[1] > 10 && w.state.Shown > 10 })
	if w.state.Picture >= 40 || w.state.Sound >= 40 || w.state.Throttle != 100 {
		t.Errorf("%+v", w.state)
	}
	w.wish(wish{Throttle: 20})
	w.until("the picture is behind", func() bool { return w.state.Picture > 40 && w.state.Resyncs > 0 && w.state.Throttle == 20 })
	sound := w.counts[0]
	w.until("the sound goes on", func() bool { return w.counts[0] > sound+25 })
	w.wish(wish{Throttle: 100})
	at := time.Now()
	shown := w.counts[1]
	w.until("the picture is in step", func() bool { return w.counts[1] > shown+20 && w.state.Picture < 40 })
	if d := time.Since(at); d > 5*time.Second {
		t.Errorf("it took %v", d)
	}
	w.wish(wish{Cut: true})
	shown = w.counts[1]
	w.until("the picture is back", func() bool { return w.counts[1] > shown+20 && w.state.Picture < 40 })
	if !strings.Contains(strings.Join(w.events, "\n"), "stream 1: is in step again") {
		t.Errorf("%q", w.events)
	}
}

// TestMedia: files are shown, over and over.
func TestMedia(t *testing.T) {
	dir := t.TempDir()
	m, err := load("", "", 5)
	if err != nil {
		t.Fatal(err)
	}
	var pcm, film []byte
	for i := range int64(5) {
		pcm = append(pcm, m.sound(i*soundUnit)...)
		film = append(film, m.image(i)...)
	}
	sound, picture := filepath.Join(dir, "a.wav"), filepath.Join(dir, "a.mjpeg")
	for name, b := range map[string][]byte{sound: wav(pcm, 1), picture: film} {
		if err := os.WriteFile(name, b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	got, err := load(sound, picture, 25)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.sound(7*soundUnit), m.sound(2*soundUnit)) || !bytes.Equal(got.image(9), m.image(4)) {
		t.Error("other media come out")
	}
	for what, load := range map[string]func() (*media, error){
		"two channels": func() (*media, error) {
			name := filepath.Join(dir, "b.wav")
			return errorOf(name, wav(pcm, 2), func() (*media, error) { return load(name, picture, 25) })
		},
		"no picture": func() (*media, error) { return load("", sound, 25) },
		"no sound":   func() (*media, error) { return load(picture, picture, 25) },
		"no file":    func() (*media, error) { return load(filepath.Join(dir, "c"), picture, 25) },
		"rate":       func() (*media, error) { return load("", "", 7) },
		"cut short": func() (*media, error) {
			name := filepath.Join(dir, "b.mjpeg")
			return errorOf(name, film[:len(film)-2], func() (*media, error) { return load("", name, 25) })
		},
	} {
		if _, err := load(); err == nil {
			t.Errorf("%s: it is taken", what)
		}
	}
}

func errorOf(name string, b []byte, load func() (*media, error)) (*media, error) {
	if err := os.WriteFile(name, b, 0o666); err != nil {
		return nil, nil
	}
	return load()
}

// wav is a WAV file, with a chunk in it that nobody needs.
func wav(pcm []byte, channels uint16) []byte {
	b := append([]byte("RIFF\xff\xff\xff\xffWAVELIST\x03\x00\x00\x00abc\x00fmt \x10\x00\x00\x00\x01\x00"), byte(channels), 0)
	b = binary.LittleEndian.AppendUint32(b, sampleRate)
	b = binary.LittleEndian.AppendUint32(b, 2*sampleRate)
	b = append(b, 2, 0, 16, 0)
	b = append(b, "data"...)
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(pcm))), pcm...)
}

// FuzzMedia: files are anybody's.
func FuzzMedia(f *testing.F) {
	f.Add(wav(make([]byte, 2*soundUnit), 1))
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 9, 9)), nil); err != nil {
		f.Fatal(err)
	}
	f.Add(append(b.Bytes(), b.Bytes()...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if pcm, err := parseWAV(b); err == nil && len(pcm) < 2*soundUnit {
			t.Error("too short")
		}
		if frames, err := parseMJPEG(b); err == nil && !bytes.Equal(bytes.Join(frames, nil), b) {
			t.Error("not all of it")
		}
	})
}
