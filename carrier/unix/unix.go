// Package unix carries a bridge over a Unix domain socket: scheme tenuto+unix. Nothing leaves the machine, and the rights of
// the socket's file say who may connect; so nothing else has to be proved.
//
// A URL's path is the socket. To listen makes it, with mode 0600 if the URL asks for no other.
//
//	nw := &unix.Network{}
//	ln, err := nw.Listen(ctx, &url.URL{Scheme: "tenuto+unix", Path: "/run/t.sock", RawQuery: "mode=660"})
//	c, err := nw.Dial(ctx, &url.URL{Scheme: "tenuto+unix", Path: "/run/t.sock"})
//
// A socket that a crashed process left behind is replaced; one that answers, and what is no socket, is left alone.
//
// # Limitations
//
// Windows has Unix sockets but neither TryWrite nor modes: the directory's rights decide there.
package unix

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/carrier/internal/socket"
)

// Scheme is the URL scheme of these carriers.
const Scheme = "tenuto+unix"

// DefaultMode is the mode of a socket whose URL asks for no other.
const DefaultMode fs.FileMode = 0o600

// Network dials and listens. The zero Network is ready for use.
type Network struct{}

// Scheme returns "tenuto+unix".
func (*Network) Scheme() string { return Scheme }

// Dial connects to the socket that is the URL's path.
func (*Network) Dial(ctx context.Context, u *url.URL) (carrier.Conn, error) {
	path, err := socketPath(u)
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		if info, serr := os.Stat(path); serr == nil && info.IsDir() {
			err = fmt.Errorf("%s is a folder: behind the socket's path the URL names a service, as in %s:///run/t.sock/service", path, Scheme)
		}
		return nil, fmt.Errorf("carrier/unix: %w", err)
	}
	return newConn(c.(*net.UnixConn), &net.UnixAddr{Net: "unix", Name: path})
}

// Listen makes the socket that is the URL's path; "mode" in its query is the file's mode in octal. The listener's Close removes
// the socket, unless another has taken its place.
func (*Network) Listen(ctx context.Context, u *url.URL) (carrier.Listener, error) {
	path, err := socketPath(u)
	if err != nil {
		return nil, err
	}
	mode, err := socketMode(u)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("carrier/unix: listen %s: %w", path, err)
	}
	unlock := lockDir(ctx, path)
	defer unlock()
	if err := removeStale(ctx, path); err != nil {
		return nil, fmt.Errorf("carrier/unix: listen %s: %w", path, err)
	}
	ln, err := bind(path, mode)
	if err != nil {
		return nil, fmt.Errorf("carrier/unix: listen %s: %w", path, err)
	}
	file, err := os.Lstat(path)
	if err != nil {
		ln.Close()
		return nil, fmt.Errorf("carrier/unix: listen %s: %w", path, err)
	}
	addr := &net.UnixAddr{Net: "unix", Name: path}
	take := func(c net.Conn) (carrier.Conn, error) { return newConn(c.(*net.UnixConn), addr) }
	return &listener{Listener: socket.NewListener(ln, "carrier/unix", take), addr: addr, file: file}, nil
}

func socketPath(u *url.URL) (string, error) {
	switch {
	case u.Scheme != Scheme:
		return "", fmt.Errorf("carrier/unix: URL of scheme %q, want %q", u.Scheme, Scheme)
	case u.Host != "" || u.Opaque != "":
		return "", fmt.Errorf("carrier/unix: %q is where a host would be: a socket's URL has three slashes and then its whole path, as in %s:///run/t.sock",
			u.Host+u.Opaque, Scheme)
	case strings.Trim(u.Path, "/") == "":
		return "", fmt.Errorf("carrier/unix: the URL names no socket: give its whole path, as in %s:///run/t.sock", Scheme)
	case strings.ContainsRune(u.Path, 0):
		return "", fmt.Errorf("carrier/unix: the path %q has a zero octet, which the system does not take", u.Path)
	case len(u.Path) > maxPath:
		return "", fmt.Errorf("carrier/unix: the path %s has %d octets, and the system takes %d at most: choose a shorter one", u.Path, len(u.Path), maxPath)
	}
	return u.Path, nil
}

func socketMode(u *url.URL) (fs.FileMode, error) {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return 0, fmt.Errorf("carrier/unix: the URL's query %q: %w", u.RawQuery, err)
	}
	for key := range query {
		if key != "mode" {
			return 0, fmt.Errorf("carrier/unix: the URL's query has %q: a socket knows only mode, as in ?mode=660", key)
		}
	}
	if !query.Has("mode") {
		return DefaultMode, nil
	}
	mode, err := strconv.ParseUint(query.Get("mode"), 8, 32)
	if err != nil || mode > 0o777 || len(query["mode"]) > 1 {
		return 0, fmt.Errorf("carrier/unix: mode %q: want one octal number up to 777, such as 660", strings.Join(query["mode"], ", "))
	}
	return fs.FileMode(mode), nil
}

// removeStale removes the socket of a process that is gone.
func removeStale(ctx context.Context, path string) error {
	file, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !isSocket(file):
		return fmt.Errorf("it exists and is no socket (%s): remove it, or choose another path", file.Mode())
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		c.Close()
		return fmt.Errorf("%w: somebody answers there", syscall.EADDRINUSE)
	case errors.Is(err, errRefused):
		return os.Remove(path)
	}
	// Such as a queue that is full, or no right to ask: nothing says that nobody is there.
	return fmt.Errorf("%w, it seems: %w", syscall.EADDRINUSE, err)
}

type listener struct {
	*socket.Listener
	addr *net.UnixAddr
	file fs.FileInfo // of our socket
	once sync.Once
}

// Close ends the listening and removes the socket if it is still ours. The file goes first: as long as the socket is open, its
// inode is no other file's.
func (l *listener) Close() error {
	l.once.Do(func() {
		if now, err := os.Lstat(l.addr.Name); err == nil && os.SameFile(now, l.file) {
			os.Remove(l.addr.Name)
		}
	})
	return l.Listener.Close()
}

func (l *listener) Addr() net.Addr { return l.addr }

// conn is a carrier.Conn over a Unix socket.
type conn struct {
	socket.Conn
	addr *net.UnixAddr // the dialling end has no address of its own: both are known by the socket's
}

// newConn takes the connection over; it closes it on error.
func newConn(s *net.UnixConn, addr *net.UnixAddr) (*conn, error) {
	c := &conn{addr: addr}
	if err := c.Init(s); err != nil {
		s.Close()
		return nil, fmt.Errorf("carrier/unix: %w", err)
	}
	return c, nil
}

// Binding returns nil: a Unix socket has no cipher, and needs none.
func (c *conn) Binding() []byte { return nil }

// Secret returns nil, as Binding does.
func (c *conn) Secret() []byte { return nil }

func (c *conn) Features() carrier.Features {
	return carrier.Features{Interruptible: true, TryWrite: socket.CanTryWrite, Local: true}
}

func (c *conn) LocalAddr() net.Addr  { return c.addr }
func (c *conn) RemoteAddr() net.Addr { return c.addr }
