package identity

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestKeyIsMadeOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "tenuto")
	s, log := open(t, dir, false)
	key, err := s.Key()
	if err != nil {
		t.Fatal(err)
	}
	public := key.Public().(ed25519.PublicKey)
	if got := log.take(); !strings.Contains(got, Fingerprint(public)) || !strings.Contains(got, dir) || strings.Count(got, "\n") != 1 {
		t.Errorf("log %q; want a line with the fingerprint and the file", got)
	}
	other, log := open(t, dir, true)
	again, err := other.Key()
	if err != nil || !again.Equal(key) || log.take() != "" {
		t.Errorf("Key again: %v; want the same one, and nothing logged", err)
	}
	_, err = s.Generate()
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("Generate: %v; want fs.ErrExist", err)
	}
	wantText(t, err, filepath.Join(dir, "identity"))
	if again, err := s.Key(); err != nil || !again.Equal(key) {
		t.Errorf("Generate changed the key: %v", err)
	}
	onlyKey(t, dir)
}

// onlyKey wants nothing in the folder but the key.
func onlyKey(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != keyFile {
		t.Errorf("the folder holds %v, %v; want the key alone", entries, err)
	}
}

// Processes that start at once end with one key, also where there are no hard links as long as one of them is faster.
func TestKeyAtTheSameTime(t *testing.T) {
	for range 10 {
		dir := filepath.Join(t.TempDir(), "tenuto")
		var keys [8]ed25519.PrivateKey
		var all sync.WaitGroup
		for i := range keys {
			s, _ := open(t, dir, false)
			all.Go(func() {
				var err error
				if keys[i], err = s.Key(); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for _, key := range keys {
			if !key.Equal(keys[0]) {
				t.Fatal("two keys were made")
			}
		}
		onlyKey(t, dir)
	}
}

func TestKeyWithoutHardLinks(t *testing.T) {
	link = func(string, string) error { return errors.ErrUnsupported }
	defer func() { link = os.Link }()
	dir := t.TempDir()
	s, _ := open(t, dir, false)
	key, err := s.Key()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Generate(); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Generate: %v; want fs.ErrExist", err)
	}
	if again, err := s.Key(); err != nil || !again.Equal(key) {
		t.Errorf("Key again: %v; want the same one", err)
	}
	onlyKey(t, dir)
}

func TestKeyThatCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "")
	s, _ := open(t, filepath.Join(file, "tenuto"), false)
	_, err := s.Key()
	wantText(t, err, s.path(keyFile), "--config-dir", "tenuto keygen")
}

// The file is the one that openssl reads and writes for this seed.
func TestKeyOfOpenSSL(t *testing.T) {
	s, _ := open(t, t.TempDir(), false)
	const text = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB
-----END PRIVATE KEY-----
`
	write(t, s.path(keyFile), text)
	key, err := s.Key()
	if err != nil || !key.Public().(ed25519.PublicKey).Equal(keyOf(1)) {
		t.Errorf("Key: %v; want the key of text", err)
	}
	if got := string(formatPrivate(key)); got != text {
		t.Errorf("the key is written as %q; want %q", got, text)
	}
}

func TestDamagedKey(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	secret := formatPrivate(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	block := func(kind string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	for in, want := range map[string]string{
		"":                                  "no private key in it",
		text1:                               "no private key in it",
		string(secret[:len(secret)-30]):     "no private key in it",
		block("PRIVATE KEY", []byte("x")):   "damaged",
		block("PRIVATE KEY", der):           "not one of ed25519",
		block("OPENSSH PRIVATE KEY", nil):   "OpenSSH",
		block("ENCRYPTED PRIVATE KEY", nil): "passphrase",
		block("CERTIFICATE", nil):           "PRIVATE KEY",
		strings.Repeat("x", maxPrivate+1):   "octets",
	} {
		s, _ := open(t, t.TempDir(), false)
		write(t, s.path(keyFile), in)
		_, err := s.Key()
		wantText(t, err, s.path(keyFile), want)
		if got := read(t, s.path(keyFile)); got != in {
			t.Errorf("the damaged key %q was changed to %q", in, got)
		}
	}
}

func FuzzParsePrivate(f *testing.F) {
	f.Add(formatPrivate(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))))
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		key, err := parsePrivate(b)
		if err != nil {
			if len(b) > 40 && strings.Contains(err.Error(), base64.StdEncoding.EncodeToString(b[:12])) {
				t.Fatalf("the error quotes the file: %v", err)
			}
			return
		}
		if again, err := parsePrivate(formatPrivate(key)); err != nil || !again.Equal(key) {
			t.Fatalf("a key became another one: %v", err)
		}
	})
}
