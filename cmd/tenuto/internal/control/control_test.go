package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 10 * time.Second

// folder is a short one: the path of a socket has little room, and names of tests are long.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tenuto")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func serve(t *testing.T, dir, role string, snapshot func() Process) *Server {
	t.Helper()
	s, err := Listen(Config{Dir: dir, Role: role, Snapshot: snapshot})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func nothing() Process { return Process{} }

// roles reads the folder, wants no problems, and returns the roles in the order of their processes.
func roles(t *testing.T, dir string) (roles string) {
	t.Helper()
	st, err := Read(t.Context(), dir)
	if err != nil || len(st.Problems) > 0 {
		t.Fatalf("Read: %v, problems %q", err, st.Problems)
	}
	for _, p := range st.Processes {
		roles += p.Role + " "
		if p.PID != os.Getpid() {
			t.Errorf("%s is process %d; want %d", p.Role, p.PID, os.Getpid())
		}
	}
	return roles
}

func TestProcessesAreRead(t *testing.T) {
	dir := filepath.Join(folder(t), "new")
	if got := roles(t, dir); got != "" {
		t.Errorf("processes %q before there was a folder", got)
	}
	started := time.Date(2026, 1, 2, 3, 4, 5, 600700800, time.FixedZone("x", 3600))
	a := serve(t, dir, "serve", func() Process {
		return Process{Version: "v1", Started: started, Listen: []string{"tenuto://:7225"}, Bridges: []Bridge{{ID: "b", Streams: 3}}}
	})
	b := serve(t, dir, "forward", nothing)
	if got := roles(t, dir); got != "forward serve " {
		t.Errorf("processes %q", got)
	}
	if want := filepath.Join(dir, fmt.Sprintf("serve-%d.sock", os.Getpid())); a.Path() != want {
		t.Errorf("Path = %s; want %s", a.Path(), want)
	}
	st, err := Read(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	p := st.Processes[1]
	if p.Version != "v1" || !p.Started.Equal(started.Truncate(time.Millisecond)) || p.Listen[0] != "tenuto://:7225" || p.Bridges[0].Streams != 3 {
		t.Errorf("serve tells %+v", p)
	}
	for _, s := range []*Server{b, a, a} {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("after Close the folder holds %v, %v", entries, err)
	}
}

// What is on the socket is JSON whose lists are never null.
func TestDocument(t *testing.T) {
	s := serve(t, folder(t), "connect", func() Process { return Process{Bridges: []Bridge{{}}} })
	c, err := net.Dial("unix", s.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	b, err := io.ReadAll(c)
	if err != nil || bytes.Contains(b, []byte("null")) || !bytes.HasSuffix(b, []byte("}\n")) || bytes.Count(b, []byte("\n")) != 1 {
		t.Errorf("the document is %s, %v", b, err)
	}
}

func TestStaleSocketIsRemoved(t *testing.T) {
	dir := folder(t)
	stale := filepath.Join(dir, "serve-1.sock")
	leave(t, stale)
	os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o600)
	if got := roles(t, dir); got != "" {
		t.Errorf("processes %q", got)
	}
	if _, err := os.Lstat(stale); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the stale socket is still there: %v", err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "notes.txt")); err != nil {
		t.Errorf("what is no socket of ours was removed: %v", err)
	}
	// One with our own name is replaced.
	own := filepath.Join(dir, fmt.Sprintf("serve-%d.sock", os.Getpid()))
	leave(t, own)
	serve(t, dir, "serve", nothing)
	if got := roles(t, dir); got != "serve " {
		t.Errorf("processes %q; want serve", got)
	}
}

// leave makes a socket that nobody answers on.
func leave(t *testing.T, path string) {
	t.Helper()
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	ln.Close()
}

func TestTwoOfOneName(t *testing.T) {
	dir := folder(t)
	serve(t, dir, "serve", nothing)
	_, err := Listen(Config{Dir: dir, Role: "serve", Snapshot: nothing})
	wantText(t, err, "another process answers")
	if got := roles(t, dir); got != "serve " {
		t.Errorf("processes %q; want the first one", got)
	}
}

func TestPathTooLong(t *testing.T) {
	_, err := Listen(Config{Dir: filepath.Join(folder(t), strings.Repeat("x", maxPath)), Role: "serve", Snapshot: nothing})
	wantText(t, err, "longer than", "XDG_RUNTIME_DIR")
}

func wantText(t *testing.T, err error, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v; want one that says %q", err, part)
		}
	}
}

// Who reads slowly, or not at all, keeps nobody from being answered, and not the server from closing.
func TestSlowReaders(t *testing.T) {
	const size = 4 << 20 // more than a socket holds
	dir := folder(t)
	s := serve(t, dir, "serve", func() Process { return Process{Version: strings.Repeat("x", size)} })
	for range maxReaders - 1 {
		c, err := net.Dial("unix", s.Path())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.ReadFull(c, make([]byte, 1)); err != nil { // it is being answered
			t.Fatal(err)
		}
	}
	if got := roles(t, dir); got != "serve " {
		t.Errorf("processes %q", got)
	}
	closed := make(chan struct{})
	began := time.Now()
	go func() { s.Close(); close(closed) }()
	select {
	case <-closed:
		if took := time.Since(began); took > writeTime {
			t.Errorf("Close took %v", took)
		}
	case <-time.After(patience):
		t.Fatal("Close waits for readers")
	}
}

// A process that is stopped accepts, as the kernel does it, and says nothing.
func TestProcessThatDoesNotAnswer(t *testing.T) {
	dir := folder(t)
	path := filepath.Join(dir, "serve-1.sock")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	serve(t, dir, "forward", nothing)
	st, err := Read(t.Context(), dir)
	if err != nil || len(st.Processes) != 1 || len(st.Problems) != 1 || !strings.Contains(st.Problems[0], path+": the process does not answer") {
		t.Errorf("Read = %+v, %v; want forward, and a problem with %s", st, err, path)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Read(ctx, dir); !errors.Is(err, context.Canceled) {
		t.Errorf("Read of a context that has ended: %v", err)
	}
}

func TestProcessThatTellsNonsense(t *testing.T) {
	dir := folder(t)
	for name, text := range map[string]string{"a": "nonsense", "b": `{"pid":"x"}`, "c": ""} {
		ln, err := net.Listen("unix", filepath.Join(dir, name+".sock"))
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		go func() {
			if c, err := ln.Accept(); err == nil {
				io.WriteString(c, text)
				c.Close()
			}
		}()
	}
	st, err := Read(t.Context(), dir)
	if err != nil || len(st.Processes) != 0 || len(st.Problems) != 2 ||
		!strings.Contains(st.Problems[0], "a.sock: what it tells is not understood") || !strings.Contains(st.Problems[1], "b.sock: what it tells") {
		t.Errorf("Read = %+v, %v; want problems with a and b", st, err)
	}
}

func TestManyAskAtTheSameTime(t *testing.T) {
	dir := folder(t)
	for i := range 20 {
		serve(t, dir, fmt.Sprintf("role%02d", i), nothing)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			st, err := Read(t.Context(), dir)
			if err != nil || len(st.Processes) != 20 || len(st.Problems) != 0 {
				t.Errorf("Read = %d processes, problems %q, %v", len(st.Processes), st.Problems, err)
			}
		})
	}
	all.Wait()
}

// A socket is there for those who ask from the moment on that it answers, and not before: else they took it for a stale one.
func TestSocketComesReady(t *testing.T) {
	dir := folder(t)
	stop := make(chan struct{})
	var asking sync.WaitGroup
	asking.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				Read(t.Context(), dir)
			}
		}
	})
	for range 200 {
		s := serve(t, dir, "serve", nothing)
		if _, err := os.Lstat(s.Path()); err != nil {
			t.Errorf("the socket of a server that runs was removed: %v", err)
		}
		s.Close()
	}
	close(stop)
	asking.Wait()
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"role":"serve","pid":1,"bridges":[{"id":"x","carriers":[{"age_seconds":1e300}]}]}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parse(b)
		if err != nil {
			return
		}
		st := &Status{Processes: []Process{*p}}
		var text, again bytes.Buffer
		if err := st.WriteTable(&text, time.Unix(0, 0)); err != nil {
			t.Fatal(err)
		}
		for _, r := range text.String() {
			if r < ' ' && r != '\n' {
				t.Fatalf("the table has the control character %U", r)
			}
		}
		if err := st.WriteJSON(&again); err != nil && p.Started.Year() >= 0 && p.Started.Year() < 10000 {
			t.Fatal(err)
		}
	})
}
