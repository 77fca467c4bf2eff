package forward

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
)

// unixPrefix begins an address that is a path.
const unixPrefix = "unix:"

// Listen listens for applications at [host]:port or unix:PATH. Without a host it listens on 127.0.0.1: whoever can connect
// here acts with the rights of the session's user.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	if path, ok := strings.CutPrefix(address, unixPrefix); ok {
		return listenUnix(ctx, path)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("forward: %w", err)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("forward: %w", err)
	}
	return ln, nil
}

// listenUnix listens at a path. A socket that a killed process has left there is removed; one that answers is not.
func listenUnix(ctx context.Context, path string) (net.Listener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "unix", path)
	if errors.Is(err, syscall.EADDRINUSE) {
		var d net.Dialer
		c, derr := d.DialContext(ctx, "unix", path)
		if derr == nil {
			c.Close()
		}
		if errors.Is(derr, syscall.ECONNREFUSED) && isSocket(path) && os.Remove(path) == nil {
			ln, err = lc.Listen(ctx, "unix", path)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("forward: %w", err)
	}
	return ln, nil
}

// isSocket tells a socket from a file: nobody answers at either.
func isSocket(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().Type() == os.ModeSocket
}
