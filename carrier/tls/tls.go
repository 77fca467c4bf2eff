// Package tls carries a bridge over TLS 1.3 on TCP: scheme tenuto, the one for networks that others share.
//
// TLS gives secrecy here, and no identity: certificates are self-signed, made anew for each [Network], and nobody checks them. Who
// the peer is, is proved in the bridge's own handshake, whose signatures cover the channel binding of the carrier (RFC 9266,
// tls-exporter): somebody in the middle has two TLS connections with two bindings, and can prove neither to the other side.
//
//	nw := &tls.Network{}
//	ln, err := nw.Listen(ctx, &url.URL{Scheme: "tenuto", Host: ":7225"})
//	c, err := nw.Dial(ctx, &url.URL{Scheme: "tenuto", Host: "example.net"})
//
// # Handshake
//
// Dial shakes hands within its context. An accepted carrier does so in its first Read, Write or Binding, so that Accept waits for
// no peer; Close ends it, and an Interrupt waits for its end. Until it is over TryWrite takes nothing. What goes wrong is the error of
// the Read or Write; Binding returns nil then.
//
// # Limitations
//
// TLS sessions are not resumed: that would save nothing that can be measured (docs/adr/0021). Package crypto/tls never changes its
// keys by itself, and so a carrier ends with an error after 2^24 records (RFC 8446 5.5), which are 256 GiB if they are full. It keeps
// what it once needed to read: 2 KiB at first, 40 KiB where much has come. Systems that are no Unix have no TryWrite.
package tls

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"sync"
	"sync/atomic"

	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/carrier/internal/socket"
)

const (
	// Scheme is the URL scheme of these carriers.
	Scheme = "tenuto"

	// DefaultPort is the port of a URL that names none.
	DefaultPort = socket.DefaultPort

	// Protocol is what both ends ask for by ALPN (RFC 7301).
	Protocol = "tenuto/1"
)

// Network dials and listens. The zero Network is ready for use; it must not be copied after that.
type Network struct {
	// NoBinding: a proxy that ends TLS stands between the two ends, and so their carriers have no channel binding in common.
	// Both ends must say so, and both trust whoever has the proxy with secrecy. ALPN may be missing then.
	NoBinding bool

	once   sync.Once
	server *tls.Config
	client *tls.Config // without ServerName
	recent atomic.Pointer[tls.Config]
	err    error
}

// Scheme returns "tenuto".
func (nw *Network) Scheme() string { return Scheme }

// Dial connects to the URL's host and shakes hands. What the host's certificate says does not matter.
func (nw *Network) Dial(ctx context.Context, u *url.URL) (carrier.Conn, error) {
	addr, err := socket.HostPort(u, Scheme)
	if err == nil {
		err = nw.prepare()
	}
	if err != nil {
		return nil, fmt.Errorf("carrier/tls: %w", err)
	}
	var d net.Dialer
	d.SetMultipathTCP(false)
	t, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("carrier/tls: %w", err)
	}
	c, err := newConn(t.(*net.TCPConn), nw, nw.clientOf(u.Hostname()), tls.Client)
	if err != nil {
		return nil, err
	}
	if err := c.shake(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// clientOf is the configuration for a host, whose name is for proxies that look at it. Carriers to one host keep one configuration.
func (nw *Network) clientOf(host string) *tls.Config {
	config := nw.recent.Load()
	if config == nil || config.ServerName != host {
		config = nw.client.Clone()
		config.ServerName = host
		nw.recent.Store(config)
	}
	return config
}

// Listen listens at the URL's host, which should be empty, an IP address or localhost.
func (nw *Network) Listen(ctx context.Context, u *url.URL) (carrier.Listener, error) {
	addr, err := socket.HostPort(u, Scheme)
	if err == nil {
		err = nw.prepare()
	}
	if err != nil {
		return nil, fmt.Errorf("carrier/tls: %w", err)
	}
	var lc net.ListenConfig
	// The bridge moves between paths by itself, and a multipath socket lacks options that we set.
	lc.SetMultipathTCP(false)
	ln, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("carrier/tls: %w", err)
	}
	return socket.NewListener(ln, "carrier/tls", func(t net.Conn) (carrier.Conn, error) {
		return newConn(t.(*net.TCPConn), nw, nw.server, tls.Server)
	}), nil
}

// prepare makes the certificate and the configurations at first use.
func (nw *Network) prepare() error {
	nw.once.Do(func() {
		var cert tls.Certificate
		if cert, nw.err = selfSigned(); nw.err != nil {
			return
		}
		config := tls.Config{
			MinVersion: tls.VersionTLS13,
			NextProtos: []string{Protocol},
			// Packets of 1,200 octets at first are for pages that are shown as they come.
			DynamicRecordSizingDisabled: true,
			SessionTicketsDisabled:      true,
		}
		nw.client = config.Clone()
		nw.client.InsecureSkipVerify = true // the bridge proves who the peer is
		nw.server = config.Clone()
		nw.server.Certificates = []tls.Certificate{cert}
		nw.server.GetConfigForClient = heed
	})
	return nw.err
}
