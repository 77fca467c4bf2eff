package tls

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"time"
)

// The errors of a handshake that say what to do.
var (
	ErrPlainHTTP = errors.New("plain HTTP came: this port speaks Tenuto over TLS")
	ErrPlaintext = errors.New("plaintext Tenuto came: dial tenuto:// here, or listen at tenuto+tcp://")
	ErrNoTLS     = errors.New("the peer does not speak TLS")
	ErrOldTLS    = errors.New("the peer does not speak TLS 1.3, and older versions are not good enough")
	ErrProtocol  = errors.New("the peer speaks TLS, but not Tenuto over it (ALPN " + Protocol + "): it is another service, or a proxy that ends TLS")
	ErrHungUp    = errors.New("the peer closed the connection in the TLS handshake: it speaks plaintext, or no Tenuto at all")
)

// hello is what a client asks for.
type hello struct {
	old       bool     // no TLS 1.3
	protocols []string // ALPN
}

// heed keeps the hello for explain.
func heed(info *tls.ClientHelloInfo) (*tls.Config, error) {
	if in, ok := info.Conn.(*inner); ok {
		in.hello = hello{!slices.Contains(info.SupportedVersions, tls.VersionTLS13), info.SupportedProtos}
	}
	return nil, nil
}

// shake shakes hands, once.
func (c *conn) shake(ctx context.Context) error {
	c.once.Do(func() {
		err := c.tls.HandshakeContext(ctx)
		if err != nil {
			err = c.explain(err)
		} else {
			err = c.agree()
		}
		if err != nil {
			c.err = fmt.Errorf("carrier/tls: %w", err)
		}
		c.inner.hello = hello{}
		c.shaken.Store(true)
	})
	return c.err
}

// agree looks at what was agreed, and opens the carrier.
func (c *conn) agree() (err error) {
	state := c.tls.ConnectionState()
	if p := state.NegotiatedProtocol; p != Protocol && (p != "" || !c.nw.NoBinding) {
		c.tls.Close()
		return ErrProtocol
	}
	if !c.nw.NoBinding {
		// RFC 9266 4.2: the label, no context, 32 octets.
		c.binding, err = state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32)
		if err != nil {
			return fmt.Errorf("channel binding: %w", err)
		}
	}
	c.inner.mu.Lock()
	c.inner.open = true
	c.inner.mu.Unlock()

	c.mu.Lock()
	c.open = true
	early := c.early
	c.mu.Unlock()
	if early {
		c.interrupts.Interrupt(c.inner.TCPConn)
	}
	return nil
}

// explain says what a person can do about an error of the handshake.
func (c *conn) explain(err error) error {
	if head, ok := errors.AsType[tls.RecordHeaderError](err); ok && head.Conn != nil {
		began := string(head.RecordHeader[:])
		switch {
		case slices.Contains(httpRequests, began):
			c.answerHTTP()
			return ErrPlainHTTP
		case began == "tenut": // the first of what a bridge begins with, docs/wire/bridge.md
			return ErrPlaintext
		}
		return fmt.Errorf("%w: it began with %q", ErrNoTLS, began)
	}
	// Package crypto/tls has no type for alerts.
	remote, text := false, err.Error()
	if op, ok := errors.AsType[*net.OpError](err); ok {
		remote = op.Op == "remote error"
	}
	h := c.inner.hello
	switch {
	case h.old, strings.Contains(text, "protocol version"):
		return fmt.Errorf("%w (%w)", ErrOldTLS, err)
	case len(h.protocols) > 0 && !slices.Contains(h.protocols, Protocol):
		return fmt.Errorf("%w (it asks for %q)", ErrProtocol, h.protocols)
	case remote && strings.Contains(text, "no application protocol"):
		return ErrProtocol
	case err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return ErrHungUp
	}
	return fmt.Errorf("TLS handshake: %w", err)
}

// httpRequests are the first octets, as many as a record's header, of HTTP requests.
var httpRequests = []string{"GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "PATCH", "DELET", "CONNE", "TRACE", "PRI *"}

const (
	// httpAnswer is for a person with a browser.
	httpAnswer = "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n" +
		"This port speaks Tenuto over TLS, and no HTTP.\n"
	// httpPatience is how long we wait for the client to read it.
	httpPatience = time.Second
)

// answerHTTP answers a request. Closing with octets unread would reset the connection, and the answer might never be seen.
func (c *conn) answerHTTP() {
	t := c.inner.TCPConn
	t.SetDeadline(time.Now().Add(httpPatience))
	if _, err := t.Write([]byte(httpAnswer)); err != nil {
		return
	}
	t.CloseWrite()
	io.Copy(io.Discard, io.LimitReader(t, 64<<10))
}
