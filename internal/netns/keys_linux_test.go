package netns

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// exitTrust is what the program exits with when a key was refused, here or there.
const exitTrust = 3

// A server admits whom its administrator has put into authorized_keys: the refusal has the line, and the line helps.
func TestUnknownClient(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.greet()
	serve := l.serve(overTLS)

	p := l.wantRefused("key is not admitted", "authorized_keys")
	line := lastOf(t, &p.stderr, "the line: ")
	l.eventually("serve logs the key it has refused", func() bool { return serve.stderr.count(publicOf(line)) == 1 })
	l.authorize(line + "\n")
	l.wantGreeting()

	// The server is asked, not told once: what is no longer in the file no longer holds.
	l.authorize("# " + line + "\n")
	l.wantRefused("key is not admitted")
	l.authorize(`services="other" ` + line + "\n")
	l.wantRefused("not admitted to the service")
	l.authorize(`services="other,app" ` + line + "\n")
	l.wantGreeting()
}

// Whose key is withdrawn is not let in again when his connection has been cut: his session ends, and both logs say why.
func TestWithdrawnKey(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.accept(func(c *net.TCPConn) {
		_, _ = io.WriteString(c, greeting)
		_, _ = io.Copy(io.Discard, c)
	})
	serve, forward := l.joinTLS()
	c, err := l.dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.ReadFull(c, make([]byte, len(greeting))); err != nil {
		t.Fatal(err)
	}
	l.authorize("")
	kill(l, l.near)
	if _, err := io.Copy(io.Discard, c); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %v, want a reset", err)
	}
	for _, p := range []*process{serve, forward} {
		l.eventually("tenuto "+p.cmd.Args[1]+" says why", func() bool { return p.stderr.count("not admitted") > 0 })
	}
}

// A server met first is noted, and one whose key has changed since is refused until somebody mends the file.
func TestChangedServer(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.greet()
	l.admit("")
	serve := l.serve(overTLS)

	p := l.connect("--strict")
	if got := p.exit(); got != exitTrust || p.stderr.count("known_peers") == 0 {
		t.Errorf("strict, with a server that is not known: exit %d, want %d:\n%s", got, exitTrust, &p.stderr)
	}
	l.wantGreeting()
	known := filepath.Join(l.near.keys(), "known_peers")
	text, err := os.ReadFile(known)
	if err != nil || !strings.HasPrefix(string(text), farAddr+":"+bridgePort+" ed25519 ") {
		t.Fatalf("known_peers has %q, %v", text, err)
	}
	if err := serve.halt(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(l.far.keys(), "identity")); err != nil {
		t.Fatal(err)
	}
	l.serve(overTLS)

	for range 2 { // the refusal is no permission to go on the next time
		p = l.wantRefused("HAS CHANGED", known+":1")
	}
	line, _, _ := strings.Cut(lastOf(t, &p.stderr, "the old one: "), ". ")
	writeFile(t, known, strings.TrimSuffix(line, ".")+"\n")
	l.wantGreeting()
}

// Programs that speak something else to the port end at once, and the server logs a sentence about each.
func TestStrangers(t *testing.T) {
	t.Parallel()
	l := newLab(t, "curl", "openssl", "nc")
	l.greet()
	l.admit("")
	serve := l.serve(overTLS)
	at := farAddr + ":" + bridgePort
	for _, tt := range []struct {
		name    string
		command []string
		exit    int    // of the stranger
		said    string // on either of its outputs
		logged  string
	}{
		{"TLS 1.2", []string{"openssl", "s_client", "-tls1_2", "-connect", at}, 1, "alert protocol version", "does not speak TLS 1.3"},
		{"HTTPS", []string{"curl", "-sSk", "https://" + at + "/"}, 35, "no application protocol", "but not Tenuto over it"},
		{"HTTP", []string{"curl", "-sS", "http://" + at + "/"}, 0, "This port speaks Tenuto over TLS, and no HTTP.", "plain HTTP came"},
		{"HTTP that must succeed", []string{"curl", "-sSf", "http://" + at + "/"}, 22, "400", "plain HTTP came"},
		{"something in plaintext", []string{"nc", "-N", farAddr, bridgePort}, 0, "", "does not speak TLS"},
	} {
		before := serve.stderr.count(tt.logged)
		var said transcript
		p := l.start(l.near, strings.NewReader("hello\r\n"), &said, tt.command[0], tt.command[1:]...)
		if got := p.exit(); got != tt.exit {
			t.Errorf("%s: %s exits with %d, want %d", tt.name, tt.command[0], got, tt.exit)
		}
		if all := said.String() + p.stderr.String(); !strings.Contains(all, tt.said) {
			t.Errorf("%s: %s does not say %q, but:\n%s", tt.name, tt.command[0], tt.said, all)
		}
		l.eventually(tt.name+": serve logs "+tt.logged, func() bool { return serve.stderr.count(tt.logged) > before })
	}
	l.wantGreeting()
}

const greeting = "hello from the far end\n"

// greet makes the target greet whoever connects.
func (l *lab) greet() {
	l.t.Helper()
	l.accept(func(c *net.TCPConn) {
		_, _ = io.WriteString(c, greeting)
		_ = c.CloseWrite()
		_, _ = io.Copy(io.Discard, c)
	})
}

// connect runs tenuto connect with nothing to send.
func (l *lab) connect(flags ...string) *process {
	l.t.Helper()
	p, _ := l.connectTo(flags...)
	return p
}

func (l *lab) connectTo(flags ...string) (p *process, came *bytes.Buffer) {
	l.t.Helper()
	came = &bytes.Buffer{}
	return l.start(l.near, nil, came, l.binary(), append([]string{"connect", overTLS + "/app"}, flags...)...), came
}

func (l *lab) wantGreeting() {
	l.t.Helper()
	p, came := l.connectTo()
	if err := p.wait(); err != nil {
		l.t.Error(err)
	} else if came.String() != greeting {
		l.t.Errorf("tenuto connect: got %q, want %q", came, greeting)
	}
}

// wantRefused wants connect to fail for a key's sake, and to say all of the texts.
func (l *lab) wantRefused(texts ...string) *process {
	l.t.Helper()
	p, came := l.connectTo()
	if got := p.exit(); got != exitTrust || came.Len() > 0 {
		l.t.Errorf("tenuto connect: exit %d with %q, want %d with nothing", got, came, exitTrust)
	}
	for _, text := range texts {
		if p.stderr.count(text) != 1 {
			l.t.Errorf("tenuto connect does not say %q, but:\n%s", text, &p.stderr)
		}
	}
	return p
}

// lastOf is what follows a text in what a program has said.
func lastOf(t *testing.T, said *transcript, text string) string {
	t.Helper()
	_, after, ok := strings.Cut(said.String(), text)
	if !ok {
		t.Fatalf("no %q in:\n%s", text, said)
	}
	return strings.TrimSpace(after)
}

// publicOf is the key in a line of authorized_keys.
func publicOf(line string) string {
	_, after, _ := strings.Cut(line, "ed25519 ")
	public, _, _ := strings.Cut(after, " ")
	return public
}
