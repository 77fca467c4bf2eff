package unix

import (
	"bytes"
	"errors"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/carrier/carriertest"
	"github.com/tenuto-session/tenuto/carrier/internal/socket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// place returns the URL of a socket in a directory of the test's own.
func place(t *testing.T) *url.URL {
	t.Helper()
	dir, err := os.MkdirTemp("", "tenuto") // t.TempDir is too long for a socket on some systems
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return &url.URL{Scheme: Scheme, Path: filepath.ToSlash(filepath.Join(dir, "s"))}
}

func listenAt(t *testing.T, u *url.URL) carrier.Listener {
	t.Helper()
	ln, err := new(Network).Listen(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

func pair(t *testing.T) (near, far carrier.Conn) {
	t.Helper()
	u := place(t)
	ln := listenAt(t, u)
	near, err := new(Network).Dial(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	far, err = ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

// leaveStale makes a socket whose process is gone, as far as anybody can tell.
func leaveStale(t *testing.T, path string) {
	t.Helper()
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: path})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	ln.Close()
}

func TestCarrier(t *testing.T) { carriertest.Run(t, &Network{}, place(t).String()) }

func TestAddressesAreThePath(t *testing.T) {
	near, far := pair(t)
	for _, c := range []carrier.Conn{near, far} {
		if !filepath.IsAbs(c.LocalAddr().String()) || c.LocalAddr().String() != c.RemoteAddr().String() {
			t.Errorf("addresses %q, %q; want the socket's path", c.LocalAddr(), c.RemoteAddr())
		}
		if !c.Features().Local || c.Binding() != nil {
			t.Errorf("features %+v, binding %x; want a local carrier with none", c.Features(), c.Binding())
		}
	}
}

func TestStaleSocketIsReplaced(t *testing.T) {
	u := place(t)
	leaveStale(t, u.Path)
	listenAt(t, u)
	c, err := new(Network).Dial(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

func TestLiveSocketIsLeftAlone(t *testing.T) {
	u := place(t)
	ln := listenAt(t, u)
	if _, err := new(Network).Listen(t.Context(), u); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("Listen: %v; want EADDRINUSE", err)
	}
	ln.Close()
	if _, err := os.Lstat(u.Path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Close: %v; want no file", err)
	}
}

// Of many who find one stale socket, one listens, and it is the one that answers.
func TestStaleSocketHasOneHeir(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the directory cannot be locked")
	}
	for range 20 {
		u := place(t)
		leaveStale(t, u.Path)
		var lns [8]carrier.Listener
		var wg sync.WaitGroup
		for i := range lns {
			wg.Go(func() {
				ln, err := new(Network).Listen(t.Context(), u)
				if err == nil {
					lns[i] = ln
				} else if !errors.Is(err, syscall.EADDRINUSE) {
					t.Errorf("Listen: %v; want EADDRINUSE", err)
				}
			})
		}
		wg.Wait()
		heirs := 0
		for _, ln := range lns {
			if ln == nil {
				continue
			}
			heirs++
			c, err := new(Network).Dial(t.Context(), u)
			if err != nil {
				t.Fatalf("nobody answers: %v", err)
			}
			c.Close()
			ln.Close()
		}
		if heirs != 1 {
			t.Fatalf("%d listen; want 1", heirs)
		}
	}
}

func TestWhatIsNoSocketIsLeftAlone(t *testing.T) {
	u := place(t)
	if err := os.WriteFile(u.Path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := new(Network).Listen(t.Context(), u)
	if err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("Listen at a file: %v", err)
	}
	if b, _ := os.ReadFile(u.Path); string(b) != "precious" {
		t.Errorf("the file is now %q", b)
	}
	d := place(t)
	if err := os.Mkdir(d.Path, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := new(Network).Listen(t.Context(), d); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("Listen at a directory: %v", err)
	}
}

func TestCloseRemovesOnlyItsOwn(t *testing.T) {
	u := place(t)
	ln := listenAt(t, u)
	if err := os.Remove(u.Path); err != nil {
		t.Fatal(err)
	}
	other := listenAt(t, u)
	ln.Close()
	c, err := new(Network).Dial(t.Context(), u)
	if err != nil {
		t.Fatalf("the other socket is gone: %v", err)
	}
	c.Close()
	other.Close()
	third := listenAt(t, u)
	ln.Close() // again
	other.Close()
	if _, err := os.Lstat(u.Path); err != nil {
		t.Error(err)
	}
	third.Close()
}

func TestURLs(t *testing.T) {
	long := "/" + strings.Repeat("x", maxPath)
	for in, want := range map[string]string{
		"tenuto+unix://run/t.sock":             "three slashes",
		"tenuto+unix:run/t.sock":               "three slashes",
		"tenuto+unix://":                       "names no socket",
		"tenuto+unix:///":                      "names no socket",
		"tenuto+unix://" + long:                "choose a shorter",
		"tenuto+unix:///a%00b":                 "zero octet",
		"tenuto+tcp:///run/t.sock":             "scheme",
		"tenuto+unix:///nowhere/s?mode=rw":     "octal",
		"tenuto+unix:///nowhere/s?mode=1777":   "octal",
		"tenuto+unix:///nowhere/s?mode=6&mode": "octal",
		"tenuto+unix:///nowhere/s?mod=660":     "only mode",
		"tenuto+unix:///nowhere/s?mode=%zz":    "query",
		"tenuto+unix:///nowhere/s":             "no such file",
	} {
		u, err := url.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = new(Network).Listen(t.Context(), u); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Listen %s: %v; want %q", in, err, want)
		}
		if u.RawQuery != "" {
			continue
		}
		if _, err = new(Network).Dial(t.Context(), u); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Dial %s: %v; want %q", in, err, want)
		}
	}
	if p, err := socketPath(&url.URL{Scheme: Scheme, Path: long[:maxPath]}); err != nil || p == "" {
		t.Errorf("a path of %d octets: %v", maxPath, err)
	}
}

func TestWriteAndReadAllocateNothing(t *testing.T) {
	near, far := pair(t)
	bufs := [][]byte{bytes.Repeat([]byte("h"), 12), bytes.Repeat([]byte("p"), 5000), []byte("t")}
	in := make([]byte, 12+5000+1)
	for name, write := range map[string]func(...[]byte) (int, error){"TryWrite": near.TryWrite, "Write": near.Write} {
		if name == "TryWrite" && !socket.CanTryWrite {
			continue
		}
		got := testing.AllocsPerRun(200, func() {
			n, err := write(bufs...)
			if err != nil || n == 0 {
				t.Fatalf("%s = %d, %v", name, n, err)
			}
			for n > 0 {
				k, err := far.Read(in[:n])
				if err != nil {
					t.Fatal(err)
				}
				n -= k
			}
		})
		if got != 0 {
			t.Errorf("%s and Read: %v allocations; want 0", name, got)
		}
	}
}
