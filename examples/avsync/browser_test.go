package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// screenshots is where TestBrowser leaves what it has seen.
const screenshots = "../../bin"

// TestBrowser looks at the page in Chromium: sound and picture come in order and are drawn, the slider throttles the picture, and it is in step again. It
// runs with TENUTO_CHROMIUM=1; then a missing browser fails it.
func TestBrowser(t *testing.T) {
	if os.Getenv("TENUTO_CHROMIUM") != "1" {
		t.Skip("looks at the page in Chromium: TENUTO_CHROMIUM=1 runs it")
	}
	b := browse(t, start(t))
	b.until("both are shown", `avsync.frames > 50 && avsync.sounds > 100 && avsync.state.picture < 40`)
	b.must(`$("throttle").value = 20; $("throttle").dispatchEvent(new Event("input")); true`)
	b.until("the picture is out of step",
		`avsync.state.throttle === 20 && avsync.state.picture > 40 && avsync.state.resyncs > 0 && $("verdict").textContent === "out of step"`)
	b.until("and stays so for a while", `(() => { const s = avsync.state; avsync.mark = avsync.mark || s.at; return s.at > avsync.mark + 6000 && s.picture > 40 })()`)
	b.screenshot("avsync-throttled.png")
	b.must(`$("throttle").value = 100; $("throttle").dispatchEvent(new Event("input")); avsync.shown = avsync.frames; true`)
	b.until("the picture is in step", `avsync.state.throttle === 100 && avsync.frames > avsync.shown + 50 && avsync.state.picture < 40 && $("verdict").textContent === "in step"`)
	b.must(`$("cut").click(); avsync.shown = avsync.frames; true`)
	b.until("the picture is back after a cut", `avsync.frames > avsync.shown + 25 && avsync.state.picture < 40`)
	b.must(`avsync.backward === 0`)
	b.must(`avsync.events.some(e => e.includes("stream 1: is in step again"))`)
	b.must(`(() => { const p = screen_.getImageData(0, 0, 640, 360).data; let sum = 0; for (let i = 0; i < p.length; i += 4) sum += p[i]; return sum > 1e6 })()`)
	b.screenshot("avsync.png")
}

// A browser is a page in Chromium, over the DevTools protocol.
type browser struct {
	t   *testing.T
	ctx context.Context
	c   *websocket.Conn
	n   int
}

func browse(t *testing.T, url string) *browser {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("TENUTO_CHROMIUM=1, but %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	dir := t.TempDir()
	cmd := exec.CommandContext(ctx, program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--mute-audio",
		"--autoplay-policy=no-user-gesture-required", "--window-size=1120,1180", "--remote-debugging-port=0", "--user-data-dir="+dir, "about:blank")
	cmd.WaitDelay = patience
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was interrupted
	})
	b := &browser{t: t, ctx: ctx}
	b.attach(filepath.Join(dir, "DevToolsActivePort"))
	t.Cleanup(func() { b.c.CloseNow() })
	b.call("Page.enable", nil, nil)
	b.call("Page.navigate", map[string]any{"url": url}, nil)
	return b
}

// attach waits until the browser has said where it listens, and opens a session with its page.
func (b *browser) attach(file string) {
	b.t.Helper()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		text, err := os.ReadFile(file)
		if port, _, ok := strings.Cut(string(text), "\n"); err == nil && ok {
			c, _, err := websocket.Dial(b.ctx, b.target("127.0.0.1:"+port), nil)
			if err != nil {
				b.t.Fatal(err)
			}
			c.SetReadLimit(64 << 20)
			b.c = c
			return
		}
		select {
		case <-ticker.C:
		case <-b.ctx.Done():
			b.t.Fatal("the browser does not say where it listens")
		}
	}
}

// target asks the browser for the WebSocket of its page.
func (b *browser) target(addr string) string {
	b.t.Helper()
	r, err := http.Get("http://" + addr + "/json/list")
	if err != nil {
		b.t.Fatal(err)
	}
	defer r.Body.Close()
	var targets []struct{ Type, WebSocketDebuggerURL string }
	if err := json.NewDecoder(r.Body).Decode(&targets); err != nil {
		b.t.Fatal(err)
	}
	for _, t := range targets {
		if t.Type == "page" {
			return t.WebSocketDebuggerURL
		}
	}
	b.t.Fatal("the browser has no page")
	return ""
}

// call makes a request of the page, and waits for its result.
func (b *browser) call(method string, params, result any) {
	b.t.Helper()
	b.n++
	id := b.n
	if err := wsjson.Write(b.ctx, b.c, map[string]any{"id": id, "method": method, "params": params}); err != nil {
		b.t.Fatal(err)
	}
	for {
		var v struct {
			ID     int
			Error  *struct{ Message string }
			Result json.RawMessage
		}
		if err := wsjson.Read(b.ctx, b.c, &v); err != nil {
			b.t.Fatalf("%s: %v", method, err)
		}
		if v.ID != id {
			continue // an event
		}
		if v.Error != nil {
			b.t.Fatalf("%s: %s", method, v.Error.Message)
		}
		if result != nil {
			if err := json.Unmarshal(v.Result, result); err != nil {
				b.t.Fatal(err)
			}
		}
		return
	}
}

// eval evaluates an expression in the page.
func (b *browser) eval(expression string) (value any, problem string) {
	b.t.Helper()
	var r struct {
		Result           struct{ Value any }
		ExceptionDetails *struct {
			Exception struct{ Description string }
		}
	}
	b.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true}, &r)
	if r.ExceptionDetails != nil {
		return nil, r.ExceptionDetails.Exception.Description
	}
	return r.Result.Value, ""
}

func (b *browser) must(expression string) {
	b.t.Helper()
	if v, problem := b.eval(expression); v != true {
		b.t.Errorf("%s: %v %s", expression, v, problem)
	}
}

// until waits until a condition holds in the page.
func (b *browser) until(what, condition string) {
	b.t.Helper()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for {
		v, problem := b.eval(condition)
		if v == true {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline:
			seen, _ := b.eval("JSON.stringify(window.avsync || document.title)")
			b.t.Fatalf("not until %s: %v %s; %v", what, v, problem, seen)
		}
	}
}

func (b *browser) screenshot(name string) {
	b.t.Helper()
	var r struct{ Data string }
	b.call("Page.captureScreenshot", map[string]any{"format": "png"}, &r)
	png, err := base64.StdEncoding.DecodeString(r.Data)
	if err == nil {
		if err = os.MkdirAll(screenshots, 0o777); err == nil {
			err = os.WriteFile(filepath.Join(screenshots, name), png, 0o666)
		}
	}
	if err != nil {
		b.t.Error(fmt.Errorf("screenshot: %w", err))
	}
}
