package socket

import (
	"errors"
	"fmt"
	"net"
	"net/url"
)

const (
	// DefaultPort is the port of a URL that names none, of every kind over TCP.
	DefaultPort = "7225"

	// NotSentLowat is how many octets the kernel holds that it has not sent yet, where the system can be told.
	NotSentLowat = 128 << 10
)

// TuneTCP sets what every carrier over TCP wants: nothing is delayed, and little is unsent in the kernel. Keepalive probes are the
// ones that package net sets (after 15 s of silence), and buffers the kernel's.
func TuneTCP(t *net.TCPConn) error {
	raw, err := t.SyscallConn()
	if err != nil {
		return err
	}
	return errors.Join(t.SetNoDelay(true), setNotSentLowat(raw))
}

// HostPort returns the host and port of a URL, which must be of the scheme and say no more.
func HostPort(u *url.URL, scheme string) (string, error) {
	switch {
	case u.Scheme != scheme:
		return "", fmt.Errorf("URL of scheme %q, want %q", u.Scheme, scheme)
	case u.Path != "" && u.Path != "/" || u.RawQuery != "":
		return "", fmt.Errorf("%s: only the name of a service can stand behind the host, as in %s://host:%s/service", u.Redacted(), scheme, DefaultPort)
	}
	port := u.Port()
	if port == "" {
		port = DefaultPort
	}
	return net.JoinHostPort(u.Hostname(), port), nil
}
