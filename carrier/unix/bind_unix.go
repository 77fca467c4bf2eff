//go:build unix

package unix

import (
	"context"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// maxPath is the longest path of a socket; a zero octet follows it in the system's address.
const maxPath = len(unix.RawSockaddrUnix{}.Path) - 1

// errRefused is the error of a dial to a socket that nobody listens at.
const errRefused = syscall.ECONNREFUSED

// backlog is how many connections wait to be accepted, if the system allows as many.
const backlog = 4096

func isSocket(file fs.FileInfo) bool { return file.Mode().Type() == fs.ModeSocket }

// bind makes the socket. Package net would bind and listen in one, with a mode from the umask, which belongs to the whole process.
// We set the mode between the two: before it listens, nobody can connect.
func bind(path string, mode fs.FileMode) (net.Listener, error) {
	syscall.ForkLock.RLock()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close() // the listener has a duplicate
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		return nil, os.NewSyscallError("bind", err)
	}
	ln, err := listen(f, fd, path, mode)
	if err != nil {
		os.Remove(path)
	}
	return ln, err
}

func listen(f *os.File, fd int, path string, mode fs.FileMode) (net.Listener, error) {
	if err := os.Chmod(path, mode); err != nil {
		return nil, err
	}
	if err := unix.Listen(fd, backlog); err != nil {
		return nil, os.NewSyscallError("listen", err)
	}
	return net.FileListener(f)
}

// lockTries is how often lockDir asks for the lock, and lockPause how long it waits in between.
const (
	lockTries = 100
	lockPause = 10 * time.Millisecond
)

// lockDir keeps two of us from replacing one stale socket at the same time: the second would remove the first one's. The lock is
// on the directory, so that it leaves no file behind. Everybody who can read the directory can hold that lock, and so we go
// on without it when it cannot be had.
func lockDir(ctx context.Context, path string) (unlock func()) {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return func() {}
	}
	pause := time.NewTicker(lockPause)
	defer pause.Stop()
	for range lockTries {
		if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != unix.EWOULDBLOCK && err != unix.EINTR {
			break
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return func() { dir.Close() }
		}
	}
	return func() { dir.Close() }
}
