package netns

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Downloads and uploads, two by Go's HTTP client and two by curl, all at once while the network is cut.
func TestHTTP(t *testing.T) {
	for _, tt := range []struct {
		name string
		cuts []cut
	}{
		{"sockets killed with ss -K", []cut{killNear, killFar, killNear, killFar, killNear, killFar}},
		{"link down", []cut{linkDown, linkDown}},
		{"address changed", []cut{addressChanged, addressChanged}},
		{"one direction dropped", []cut{deafServer, deafClient}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, "curl")
			g := newGate(step)
			size := int64(step * (len(tt.cuts) + 1) / 4)
			l.serveHTTP(size, g)
			l.join()

			l.exchangeHTTP(size, g, tt.cuts)
		})
	}
}

// The same over TLS, and the logs of both programs tell of it.
func TestHTTPOverTLS(t *testing.T) {
	t.Parallel()
	cuts := []cut{addressChanged, farLinkDown, killNear}
	const size = step
	l := newLab(t, "curl")
	g := newGate(step)
	l.serveHTTP(size, g)
	serve, forward := l.joinTLS()
	l.exchangeHTTP(size, g, cuts)
	l.wantResumes(forward, len(cuts))
	l.wantResumes(serve, len(cuts))
}

func (l *lab) exchangeHTTP(size int64, g *gate, cuts []cut) {
	l.t.Helper()
	traffic := l.together()
	traffic.run("Go download", func(ctx context.Context) error { return l.goDownload(ctx, size, 1) })
	traffic.run("curl download", func(context.Context) error { return l.curlDownload(size, 2) })
	traffic.run("Go upload", func(ctx context.Context) error { return l.goUpload(ctx, newSource(size, 3, g)) })
	traffic.run("curl upload", func(context.Context) error { return l.curlUpload(newSource(size, 4, g)) })
	l.cutEach(g, cuts...)
	traffic.end()
}

// serveHTTP serves downloads of a size, each path its own octets, and answers uploads with their digest.
func (l *lab) serveHTTP(size int64, g *gate) {
	l.t.Helper()
	handler := http.NewServeMux()
	handler.HandleFunc("GET /{seed}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(size))
		_, _ = io.Copy(w, newSource(size, r.PathValue("seed")[0], g)) // the client notices what is missing
	})
	handler.HandleFunc("PUT /", func(w http.ResponseWriter, r *http.Request) {
		sum, _, err := digest(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(w, sum)
	})
	server := &http.Server{Handler: handler, ReadHeaderTimeout: maxEvent}
	ln := l.listen()
	done := make(chan error, 1)
	go func() { done <- server.Serve(ln) }()
	l.t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
}

func path(seed byte) string { return "http://" + localEnd + "/" + string(rune('a'+seed)) }

// want is the digest of what the server sends for a path.
func want(size int64, seed byte) string {
	sum, _, err := digest(newSource(size, 'a'+seed, nil))
	if err != nil {
		panic("BUG: a source failed: " + err.Error())
	}
	return sum
}

func (l *lab) httpClient() *http.Client {
	return &http.Client{Timeout: 2 * time.Minute, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return l.dial(ctx) },
	}}
}

func (l *lab) goDownload(ctx context.Context, size int64, seed byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, path(seed), nil)
	if err != nil {
		return err
	}
	response, err := l.httpClient().Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	sum, n, err := digest(response.Body)
	if err != nil {
		return fmt.Errorf("after %d of %d octets: %w", n, size, err)
	}
	return same(sum, want(size, seed))
}

func (l *lab) goUpload(ctx context.Context, s *source) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, path(0), s)
	if err != nil {
		return err
	}
	response, err := l.httpClient().Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	return same(string(answer), s.sum())
}

func (l *lab) curlDownload(size int64, seed byte) error {
	h := sha256.New()
	p := l.start(l.near, nil, h, "curl", "-sS", "--fail", "--noproxy", "*", "--max-time", "120", path(seed))
	if err := p.wait(); err != nil {
		return err
	}
	return same(hex.EncodeToString(h.Sum(nil)), want(size, seed))
}

func (l *lab) curlUpload(s *source) error {
	var answer bytes.Buffer
	p := l.start(l.near, s, &answer, "curl", "-sS", "--fail", "--noproxy", "*", "--max-time", "120", "-T", "-", path(0))
	if err := p.wait(); err != nil {
		return err
	}
	return same(strings.TrimSpace(answer.String()), s.sum())
}

func same(got, want string) error {
	if got != want {
		return fmt.Errorf("SHA-256: got %s, want %s", got, want)
	}
	return nil
}
