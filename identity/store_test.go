package identity

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// recorder is a log that a test can read, also while it is written.
type recorder struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (r *recorder) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.Write(b)
}

// take returns what was logged since the last take.
func (r *recorder) take() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.buf.String()
	r.buf.Reset()
	return s
}

// open makes a store with a log of its own. Its files are made with plain rights whatever the umask.
func open(t *testing.T, dir string, strict bool) (*Store, *recorder) {
	t.Helper()
	log := &recorder{}
	s, err := Open(Config{Dir: dir, Strict: strict, Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return s, log
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// wantText wants an error whose text has all the parts.
func wantText(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one that says %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q\nlacks %q", err, part)
		}
	}
}

func TestServerMetFirstIsNoted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	s, log := open(t, dir, false)
	if err := s.Verify("tenuto://Host/db", keyOf(1)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "known_peers")
	if got, want := read(t, file), "host:7225 "+text1+"\n"; got != want {
		t.Errorf("known_peers holds %q; want %q", got, want)
	}
	if got := log.take(); !strings.Contains(got, fingerprint1) || !strings.Contains(got, file) || !strings.Contains(got, "level=INFO") || strings.Count(got, "\n") != 1 {
		t.Errorf("log %q; want a line with the fingerprint and the file", got)
	}
	// By another carrier, and by another process.
	other, _ := open(t, dir, true)
	for _, url := range []string{"tenuto+tcp://host:7225", "tenuto://HOST/other"} {
		if err := errors.Join(s.Verify(url, keyOf(1)), other.Verify(url, keyOf(1))); err != nil {
			t.Error(err)
		}
	}
	// Another port is another server.
	if err := s.Verify("tenuto://host:7226", keyOf(2)); err != nil {
		t.Error(err)
	}
	if got := log.take(); strings.Count(got, "\n") != 1 {
		t.Errorf("log %q; want a line for the second server alone", got)
	}
}

func TestStrictRefusesServerMetFirst(t *testing.T) {
	s, _ := open(t, t.TempDir(), true)
	err := s.Verify("tenuto://host/db", keyOf(1))
	u, ok := errors.AsType[*UnknownPeerError](err)
	if !ok || u.Address != "host:7225" || !u.Key.Equal(keyOf(1)) || u.File != s.path(knownFile) {
		t.Fatalf("Verify: %v; want an UnknownPeerError", err)
	}
	wantText(t, err, fingerprint1, u.File, "host:7225 "+text1)
	if _, err := os.Stat(u.File); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s was made: %v", u.File, err)
	}
	write(t, u.File, u.Line+"\n")
	if err := s.Verify("tenuto://host/db", keyOf(1)); err != nil {
		t.Errorf("with the line added: %v", err)
	}
}

func TestChangedKeyIsRefused(t *testing.T) {
	for _, strict := range []bool{false, true} {
		s, _ := open(t, t.TempDir(), strict)
		file := s.path(knownFile)
		text := "# servers\n\nhost:7225 " + text1 + " old\nother:7225 " + FormatPublic(keyOf(2), "") + "\n"
		write(t, file, text)
		err := s.Verify("tenuto://host/db", keyOf(2))
		c, ok := errors.AsType[*ChangedKeyError](err)
		if !ok || len(c.Known) != 1 || c.Known[0].Line != 3 || !c.Known[0].Key.Equal(keyOf(1)) {
			t.Fatalf("Verify: %v; want a ChangedKeyError about line 3", err)
		}
		wantText(t, err, "HAS CHANGED", fingerprint1, Fingerprint(keyOf(2)), file+":3", "host:7225 "+FormatPublic(keyOf(2), ""))
		if read(t, file) != text {
			t.Error("known_peers was changed")
		}
		// While a key is replaced both may stand there.
		write(t, file, text+c.Address+" "+FormatPublic(keyOf(2), "")+"\n")
		for n := range byte(2) {
			if err := s.Verify("tenuto://host", keyOf(n+1)); err != nil {
				t.Errorf("key %d of two: %v", n+1, err)
			}
		}
		wantText(t, s.Verify("tenuto://host", keyOf(3)), file+":3", file+":5")
	}
}

func TestDamagedKnownPeers(t *testing.T) {
	s, log := open(t, t.TempDir(), false)
	file := s.path(knownFile)
	write(t, file, "nonsense\nhost:7225 "+text1+"\ntorn:7225 ed25519 iojj3XQ")
	if err := s.Verify("tenuto://host", keyOf(1)); err != nil {
		t.Error(err)
	}
	got := log.take()
	for _, part := range []string{"line=1 ", errAddress.Error(), "line=3 ", errBase64.Error(), file} {
		if !strings.Contains(got, part) {
			t.Errorf("log %q lacks %q", got, part)
		}
	}
	// A line that is torn may have held another key.
	wantText(t, s.Verify("tenuto://torn", keyOf(2)), file, "line 3", "damaged", "torn:7225")
	if err := s.Verify("tenuto://host", keyOf(1)); err != nil || log.take() != "" {
		t.Errorf("Verify: %v; want no error, and no word about damaged lines again", err)
	}
	// A new line does not go on with the torn one.
	if err := s.Verify("tenuto://new", keyOf(3)); err != nil {
		t.Error(err)
	}
	if got, want := read(t, file), "iojj3XQ\nnew:7225 "+FormatPublic(keyOf(3), "")+"\n"; !strings.HasSuffix(got, want) {
		t.Errorf("known_peers ends with %q; want %q", got, want)
	}
}

// Where nothing can be noted, a server is remembered as long as the process lives. A path below a file is as good as a read-only
// folder, and is one for root too.
func TestServerThatCannotBeNoted(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "")
	s, log := open(t, filepath.Join(file, "tenuto"), false)
	if err := s.Verify("tenuto://host", keyOf(1)); err != nil {
		t.Fatal(err)
	}
	if got := log.take(); !strings.Contains(got, "level=WARN") || !strings.Contains(got, fingerprint1) {
		t.Errorf("log %q; want a warning with the fingerprint", got)
	}
	if err := s.Verify("tenuto://host", keyOf(1)); err != nil || log.take() != "" {
		t.Errorf("Verify again: %v; want no error and no second warning", err)
	}
	err := s.Verify("tenuto://host", keyOf(2))
	if c, ok := errors.AsType[*ChangedKeyError](err); !ok || c.File != "" {
		t.Errorf("Verify of another key: %v; want a ChangedKeyError without a file", err)
	}
	wantText(t, err, fingerprint1, "restart")
	strict, _ := open(t, filepath.Join(file, "tenuto"), true)
	if _, ok := errors.AsType[*UnknownPeerError](strict.Verify("tenuto://host", keyOf(1))); !ok {
		t.Error("a strict store accepted a server that it does not know")
	}
}

func TestVerifyOfNonsense(t *testing.T) {
	s, _ := open(t, t.TempDir(), false)
	wantText(t, s.Verify("tenuto:///db", keyOf(1)), "no host")
	wantText(t, s.Verify("tenuto://host", keyOf(1)[:31]), "host:7225", "32 octets")
}

// Stores that note at the same moment, here as separate as those of two processes, lose nothing, and note each server once.
func TestNotesAtTheSameTime(t *testing.T) {
	const stores, servers = 8, 25
	dir := t.TempDir()
	var all sync.WaitGroup
	for range stores {
		s, _ := open(t, dir, false)
		all.Go(func() {
			for n := range servers {
				if err := s.Verify(fmt.Sprintf("tenuto://server%d", n), keyOf(byte(n))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	for n := range servers {
		line := fmt.Sprintf("server%d:7225 %s\n", n, FormatPublic(keyOf(byte(n)), ""))
		if got := strings.Count(read(t, filepath.Join(dir, "known_peers")), line); got != 1 {
			t.Errorf("server %d is there %d times; want once", n, got)
		}
	}
}

// Of two keys that come for a new server at the same moment one is noted, and the other refused.
func TestTwoKeysAtTheSameTime(t *testing.T) {
	dir := t.TempDir()
	for round := range 20 {
		url := fmt.Sprintf("tenuto://round%d", round)
		var errs [2]error
		var both sync.WaitGroup
		for i := range errs {
			s, _ := open(t, dir, false)
			both.Go(func() { errs[i] = s.Verify(url, keyOf(byte(i))) })
		}
		both.Wait()
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("Verify: %v; want one to be refused", errs)
		}
		if _, ok := errors.AsType[*ChangedKeyError](errors.Join(errs[:]...)); !ok {
			t.Fatalf("Verify: %v; want a ChangedKeyError", errs)
		}
	}
}

func TestDefaultDir(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", dir)
	s, err := Open(Config{})
	if err != nil || s.Dir() != filepath.Join(dir, "tenuto") {
		t.Errorf("Dir = %q, %v; want it below %q", s.Dir(), err, dir)
	}
	t.Setenv("XDG_CONFIG_HOME", "relative")
	t.Setenv("HOME", dir)
	t.Setenv("AppData", dir)
	if got, err := DefaultDir(); err != nil || filepath.Dir(filepath.Dir(got)) != dir && filepath.Dir(got) != dir || filepath.Base(got) != "tenuto" {
		t.Errorf("DefaultDir = %q, %v; want it below %q", got, err, dir)
	}
	t.Setenv("HOME", "")
	t.Setenv("AppData", "")
	t.Setenv("home", "")
	_, err = DefaultDir()
	wantText(t, err, "--config-dir")
}

func ExampleFormatPublic() {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)).Public().(ed25519.PublicKey)
	fmt.Println(FormatPublic(key, "me@example.org"))
	fmt.Println(Fingerprint(key))
	// Output:
	// ed25519 O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik= me@example.org
	// SHA256:E545QOZLVJFyIIjZoNdBYo/IJuCUddNBp4Cs3jxLgHA
}

func TestOwnKeyAndUnixSocketsNeedNoLine(t *testing.T) {
	s, _ := open(t, t.TempDir(), true)
	key, err := s.Key()
	if err != nil {
		t.Fatal(err)
	}
	own, stranger := key.Public().(ed25519.PublicKey), keyOf(1)
	for _, c := range []struct {
		url string
		key ed25519.PublicKey
		ok  bool
	}{
		{"tenuto://example.org", own, true},
		{"tenuto+tcp://127.0.0.1", own, true},
		{"tenuto+unix:///run/t.sock", own, true},
		{"tenuto+unix:///run/t.sock", stranger, true},
		{"tenuto+tcp://127.0.0.1", stranger, false},
		{"tenuto://example.org", stranger, false},
	} {
		if err := s.Verify(c.url, c.key); (err == nil) != c.ok {
			t.Errorf("Verify(%s): %v", c.url, err)
		}
		if err := s.Admit(c.url, c.key, "db"); (err == nil) != c.ok {
			t.Errorf("Admit(%s): %v", c.url, err)
		}
	}
}

// Whoever leads a client back to a server of the client's own is not taken for the server that was meant.
func TestOwnKeyIsNoOtherServers(t *testing.T) {
	s, _ := open(t, t.TempDir(), false)
	key, err := s.Key()
	if err != nil {
		t.Fatal(err)
	}
	own := key.Public().(ed25519.PublicKey)
	if err := errors.Join(s.Verify("tenuto://here", own), s.Verify("tenuto://example.org", keyOf(1))); err != nil {
		t.Fatal(err)
	}
	if _, ok := errors.AsType[*ChangedKeyError](s.Verify("tenuto://example.org", own)); !ok {
		t.Error("the own key was taken for that of a known server")
	}
	if got := read(t, s.path(knownFile)); strings.Contains(got, "here") {
		t.Errorf("the own key was noted: %q", got)
	}
}
