package netns

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// One conversation of psql with a real PostgreSQL fills a temporary table, which lives as long as the server's side of the
// conversation, and reads it back, while the network is cut.
func TestPostgreSQL(t *testing.T) {
	t.Parallel()
	cuts := []cut{addressChanged, farLinkDown, addressChanged}
	const step = 4 << 20
	l := newLab(t, "psql")
	l.startPostgreSQL()
	serve, forward := l.joinTLS()

	g := newGate(step)
	rows := &rows{source: newSource(step*2, 1, g)}
	sent, came := md5.New(), &gatedDigest{hash: md5.New(), gate: g}
	host, port, _ := strings.Cut(localEnd, ":")
	traffic := l.together()
	traffic.run("psql", func(context.Context) error {
		p := l.start(l.near, io.TeeReader(rows, sent), came, "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", host, "-p", port, "-U", "tenuto", "postgres",
			"-c", "CREATE TEMPORARY TABLE dialogue (number serial, line text)",
			"-c", "COPY dialogue (line) FROM STDIN",
			"-c", "COPY (SELECT line FROM dialogue ORDER BY number) TO STDOUT")
		if err := p.wait(); err != nil {
			return err
		}
		return same(came.sum(), hex.EncodeToString(sent.Sum(nil)))
	})
	l.cutEach(g, cuts...)
	traffic.end()
	l.wantResumes(forward, len(cuts))
	l.wantResumes(serve, len(cuts))
}

// rows are lines of hexadecimal digits from a source.
type rows struct {
	source  io.Reader
	pending []byte
}

func (r *rows) Read(b []byte) (int, error) {
	if len(r.pending) == 0 {
		var chunk [32 << 10]byte
		n, err := r.source.Read(chunk[:])
		if err != nil {
			return 0, err
		}
		for line := range slices.Chunk(chunk[:n], 48) {
			r.pending = append(hex.AppendEncode(r.pending, line), '\n')
		}
	}
	n := copy(b, r.pending)
	r.pending = r.pending[n:]
	return n, nil
}

// startPostgreSQL makes a database and serves it at target in the far namespace. PostgreSQL refuses to run as root: it gets the
// user of its package, or else nobody.
func (l *lab) startPostgreSQL() {
	l.t.Helper()
	programs := postgresPrograms(l.t)
	account, err := user.Lookup("postgres")
	if err != nil {
		account, err = user.Lookup("nobody")
	}
	if err != nil {
		l.t.Fatal(err)
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		l.t.Fatal(err)
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		l.t.Fatal(err)
	}
	data := filepath.Join(l.far.home, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		l.t.Fatal(err)
	}
	if err := os.Chown(data, int(uid), int(gid)); err != nil {
		l.t.Fatal(err)
	}
	credential := &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	initdb := exec.Command(filepath.Join(programs, "initdb"), "-D", data, "-U", "tenuto", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
	initdb.Dir = data
	initdb.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
	if out, err := initdb.CombinedOutput(); err != nil {
		l.t.Fatalf("initdb: %v\n%s", err, out)
	}
	address, port, _ := strings.Cut(target, ":")
	l.daemon(l.far, port, credential, filepath.Join(programs, "postgres"), "-D", data, "-h", address, "-p", port, "-k", "", "-F",
		"-c", "max_connections=10", "-c", "shared_buffers=16MB")
}

// postgresPrograms finds the folder of the server's programs, which Debian keeps outside PATH.
func postgresPrograms(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		t.Fatal(err)
	}
	if len(found) > 0 {
		return filepath.Dir(slices.Max(found))
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		t.Fatalf("TENUTO_NETNS=1, but there is no PostgreSQL in /usr/lib/postgresql, and %v", err)
	}
	return filepath.Dir(path)
}
