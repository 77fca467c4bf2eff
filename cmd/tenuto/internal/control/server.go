package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	// writeTime is how long a reader may take for a document. A small one fits into the socket, and its reader is waited for by
	// nobody.
	writeTime = 2 * time.Second
	// maxReaders is how many readers are answered at a time. More wait.
	maxReaders = 8
	// maxPath is the longest path that a Unix socket can have on all systems that have them, in octets.
	maxPath = 103
	// acceptPause is the wait after an error of accept, such as too many open files.
	acceptPause = 100 * time.Millisecond
)

// Config is what a server is made with.
type Config struct {
	// Dir is the folder; empty is that of Dir.
	Dir string
	// Role is the first part of the socket's name: serve, forward or connect.
	Role string
	// Snapshot tells about the process. It is called at any time, by several at a time, and sets all but Role and PID.
	Snapshot func() Process
	// Logger hears of errors of accept; nil is slog.Default.
	Logger *slog.Logger
}

// Server answers on a socket. Its methods may be called at any time by anyone.
type Server struct {
	cfg  Config
	path string
	ln   *net.UnixListener

	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	readers chan struct{} // one for each that is being answered
	wg      sync.WaitGroup
}

// Listen makes the socket and a goroutine that answers until Close. A failure is no reason to end a process that can do all else.
func Listen(cfg Config) (*Server, error) {
	if cfg.Dir == "" {
		cfg.Dir = Dir()
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if err := makeDir(cfg.Dir); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, path: filepath.Join(cfg.Dir, fmt.Sprintf("%s-%d.sock", cfg.Role, os.Getpid())), readers: make(chan struct{}, maxReaders)}
	var err error
	if s.ln, err = listen(s.path); err != nil {
		return nil, err
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.wg.Go(s.accept)
	return s, nil
}

// listen makes a socket of mode 0600, in the place of one that nobody answers on. It gets its name when it is ready: whoever
// asks takes one that refuses for a dead one, and removes it.
func listen(path string) (*net.UnixListener, error) {
	const suffix = "~"
	if len(path)+len(suffix) > maxPath {
		return nil, fmt.Errorf("control: the path of the socket, %s, is longer than the %d octets it may have: name a shorter folder by XDG_RUNTIME_DIR", path, maxPath-len(suffix))
	}
	// A process in another container may have the same number.
	if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
		c.Close()
		return nil, fmt.Errorf("control: another process answers on %s", path)
	}
	os.Remove(path + suffix)
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path + suffix, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("control: %w", err)
	}
	ln.SetUnlinkOnClose(false) // it has another name by then
	// The folder lets nobody else in, so there is no moment in which others could have connected.
	err = os.Chmod(path+suffix, 0o600)
	if err == nil {
		err = os.Rename(path+suffix, path)
	}
	if err != nil {
		ln.Close()
		os.Remove(path + suffix)
		return nil, fmt.Errorf("control: %w", err)
	}
	return ln, nil
}

// Path is the socket's.
func (s *Server) Path() string { return s.path }

// Close removes the socket, cuts off who is being answered, and waits for the server's goroutines. It may be called twice.
func (s *Server) Close() error {
	s.cancel()
	err := s.ln.Close()
	if errors.Is(err, net.ErrClosed) {
		err = nil
	} else if e := os.Remove(s.path); !errors.Is(e, fs.ErrNotExist) {
		err = errors.Join(err, e)
	}
	s.wg.Wait()
	return err
}

func (s *Server) accept() {
	for {
		select {
		case s.readers <- struct{}{}:
		case <-s.ctx.Done():
			return
		}
		c, err := s.ln.Accept()
		if err != nil {
			<-s.readers
			if errors.Is(err, net.ErrClosed) {
				return
			}
			s.cfg.Logger.Warn("accept", "listener", s.path, "cause", err)
			timer := time.NewTimer(acceptPause)
			select {
			case <-timer.C:
			case <-s.ctx.Done():
			}
			timer.Stop()
			continue
		}
		s.wg.Go(func() {
			defer func() { <-s.readers }()
			s.answer(c)
		})
	}
}

func (s *Server) answer(c net.Conn) {
	defer c.Close()
	stop := context.AfterFunc(s.ctx, func() { c.Close() })
	defer stop()
	p := s.cfg.Snapshot().whole()
	p.Role, p.PID = s.cfg.Role, os.Getpid()
	b, err := json.Marshal(&p)
	if err != nil {
		panic("BUG: a process has no JSON: " + err.Error())
	}
	c.SetWriteDeadline(time.Now().Add(writeTime))
	c.Write(append(b, '\n')) // whoever reads it finds out if it fails
}
