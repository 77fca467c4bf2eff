package main

import (
	"context"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

//go:embed page.html
var pageHTML []byte

const (
	viewerQueue = 256 // messages that wait for a viewer; one that is slower than that is let go
	maxEvents   = 100 // of the log that a new viewer gets
)

// A page passes what is shown on to its viewers. Its methods never wait.
type page struct {
	mu      sync.Mutex
	viewers map[*viewer]bool
	events  []string
}

type viewer struct {
	queue chan message
	slow  context.CancelFunc
}

type message struct {
	typ    websocket.MessageType
	octets []byte
}

func newPage() *page { return &page{viewers: map[*viewer]bool{}} }

// unit shows a unit: the stream's number, its time, its octets.
func (p *page) unit(stream int, t int64, data []byte) {
	b := binary.BigEndian.AppendUint64(append(make([]byte, 0, 9+len(data)), byte(stream)), uint64(t))
	p.send(message{websocket.MessageBinary, append(b, data...)})
}

func (p *page) state(s state) { p.say(map[string]any{"state": s}) }

func (p *page) event(text string) {
	p.mu.Lock()
	p.events = append(p.events, text)
	p.events = p.events[max(0, len(p.events)-maxEvents):]
	p.mu.Unlock()
	p.say(map[string]any{"event": text})
}

func (p *page) say(v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	p.send(message{websocket.MessageText, b})
}

func (p *page) send(m message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for v := range p.viewers {
		select {
		case v.queue <- m:
		default:
			v.slow()
			delete(p.viewers, v)
		}
	}
}

// handler serves the page, and the WebSocket that it opens, over which it says what it wishes.
func (p *page) handler(s *show) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(pageHTML)
	})
	mux.HandleFunc("GET /show", func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil) // from this page alone
		if err != nil {
			return
		}
		defer c.CloseNow()
		p.serve(r.Context(), c, s)
	})
	return mux
}

func (p *page) serve(ctx context.Context, c *websocket.Conn, s *show) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	v := &viewer{queue: make(chan message, viewerQueue), slow: cancel}
	p.mu.Lock()
	p.viewers[v] = true
	past := append([]string(nil), p.events...)
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.viewers, v)
		p.mu.Unlock()
	}()
	var reading sync.WaitGroup
	defer reading.Wait()
	defer c.CloseNow()
	reading.Go(func() {
		defer cancel()
		for {
			var w wish
			if wsjson.Read(ctx, c, &w) != nil {
				return
			}
			s.grant(w)
		}
	})
	hello := map[string]any{"hello": map[string]any{"rate": sampleRate, "frame": s.m.frameTime(), "max_skew": maxSkew.Milliseconds(), "events": past}}
	if wsjson.Write(ctx, c, hello) != nil {
		return
	}
	for {
		select {
		case m := <-v.queue:
			wctx, stop := context.WithTimeout(ctx, 10*time.Second)
			err := c.Write(wctx, m.typ, m.octets)
			stop()
			if err != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}
