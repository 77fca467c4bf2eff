package netns

import (
	"context"
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sshStep is step for programs that do more with an octet than to copy it.
const sshStep = 8 << 20

// A real ssh and a real sshd, with as much going up as down, between two hosts whose network is cut.
func TestSSH(t *testing.T) {
	cuts := []cut{addressChanged, farLinkDown, addressChanged}
	const size = sshStep * 2
	for _, tt := range []struct {
		name      string
		connected bool // by tenuto connect as ssh's ProxyCommand
	}{{"through connect", true}, {"through forward", false}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, sshTools...)
			s := l.startSSHD()
			serve := l.serve(overTLS)
			l.admit("")
			ssh := s.through(localEnd)
			var forward *process
			if tt.connected {
				ssh = s.proxied(l)
			} else {
				forward = l.forward(overTLS)
			}

			g := newGate(sshStep)
			question := newSource(size, 1, g)
			answer := &gatedDigest{hash: sha256.New(), gate: g}
			p := l.start(l.near, question, answer, ssh[0], append(ssh[1:], "cat")...)
			traffic := l.together()
			traffic.run("ssh", func(context.Context) error {
				if err := p.wait(); err != nil {
					return err
				}
				return same(answer.sum(), question.sum())
			})
			l.cutEach(g, cuts...)
			traffic.end()

			if tt.connected {
				if got := p.stderr.count("msg=resumed"); got < len(cuts) {
					t.Errorf("tenuto connect logged %d resumes, want %d:\n%s", got, len(cuts), &p.stderr)
				}
			} else {
				l.wantResumes(forward, len(cuts))
			}
			l.wantResumes(serve, len(cuts))
		})
	}
}

// What a command at the far end exits with and says is what ssh exits with and says.
func TestSSHExit(t *testing.T) {
	t.Parallel()
	l := newLab(t, sshTools...)
	s := l.startSSHD()
	l.serve(overTLS)
	l.admit("")
	ssh := s.proxied(l)
	var said transcript
	p := l.start(l.near, nil, &said, ssh[0], append(ssh[1:], "echo out; echo err >&2; exit 7")...)
	if got := p.exit(); got != 7 {
		t.Errorf("ssh exits with %d, want 7", got)
	}
	if got := said.String(); got != "out\n" {
		t.Errorf("standard output: got %q", got)
	}
	if p.stderr.count("err\n") != 1 {
		t.Errorf("standard error: got %q", &p.stderr)
	}
}

var sshTools = []string{"ssh", "ssh-keygen", "/usr/sbin/sshd"}

// sshd is a server that listens at target in the far namespace, and what a client needs to know of it.
type sshd struct {
	options []string
}

// startSSHD starts a server with keys of its own, which lets root in by a key.
func (l *lab) startSSHD() *sshd {
	l.t.Helper()
	dir := l.far.home
	file := func(name string) string { return filepath.Join(dir, name) }
	for _, key := range []string{"host", "user"} {
		run(l.t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", file(key))
	}
	public, err := os.ReadFile(file("host.pub"))
	if err != nil {
		l.t.Fatal(err)
	}
	writeFile(l.t, file("known"), "far "+string(public))
	address, port, _ := strings.Cut(target, ":")
	writeFile(l.t, file("config"), strings.Join([]string{
		"ListenAddress " + address,
		"Port " + port,
		"HostKey " + file("host"),
		"AuthorizedKeysFile " + file("user.pub"),
		"StrictModes no", // others may write where temporary folders are
		"PermitRootLogin prohibit-password",
		"PasswordAuthentication no",
		"UsePAM no",
		"PidFile none",
	}, "\n"))
	// Where sshd puts its unprivileged part; the package's scripts make it, but not in containers.
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
		l.t.Fatal(err)
	}
	l.daemon(l.far, port, nil, "/usr/sbin/sshd", "-D", "-e", "-f", file("config"))
	return &sshd{options: []string{
		"-F", "none", "-T", "-l", "root", "-i", file("user"), "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "BatchMode=yes",
		"-o", "StrictHostKeyChecking=yes", "-o", "UserKnownHostsFile=" + file("known"), "-o", "GlobalKnownHostsFile=none", "-o", "HostKeyAlias=far",
	}}
}

// through is the ssh command to an address that leads to the server.
func (s *sshd) through(address string) []string {
	host, port, _ := strings.Cut(address, ":")
	return append(s.command(), "-p", port, host)
}

// proxied is the ssh command that lets tenuto connect reach the server.
func (s *sshd) proxied(l *lab) []string {
	l.t.Helper()
	return append(s.command(), "-o", "ProxyCommand="+l.binary()+" connect --log-level info "+overTLS+"/app", "far")
}

func (s *sshd) command() []string { return append([]string{"ssh"}, s.options...) }
