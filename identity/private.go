package identity

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	blockType = "PRIVATE KEY" // PKCS#8. RFC 7468 §10
	// maxPrivate is the size of the largest file of a private key that is read, in octets.
	maxPrivate = 64 << 10
)

// Key reads the private key. If there is none it makes one; processes that do so at the same time get the same.
func (s *Store) Key() (ed25519.PrivateKey, error) {
	key, err := s.readKey()
	if !isMissing(err) {
		return key, err
	}
	key, err = s.Generate()
	if errors.Is(err, fs.ErrExist) {
		return s.readKey() // another one was faster
	}
	return key, err
}

func (s *Store) readKey() (ed25519.PrivateKey, error) {
	path := s.path(keyFile)
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("identity: the private key cannot be read: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	if err := checkPrivate(path, info); err != nil {
		return nil, err
	}
	b, err := readAll(f, maxPrivate)
	if err != nil {
		return nil, err
	}
	key, err := parsePrivate(b)
	if err != nil {
		return nil, fmt.Errorf("identity: %s: %w", path, err)
	}
	return key, nil
}

// Generate makes the private key and its file, and the folder if need be. If there is a key already it leaves that as it is, and the
// error is an fs.ErrExist.
func (s *Store) Generate() (ed25519.PrivateKey, error) {
	path := s.path(keyFile)
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	switch err := writeNew(path, formatPrivate(key)); {
	case errors.Is(err, fs.ErrExist):
		return nil, fmt.Errorf("identity: %s is there already; peers know this machine by that key, so move it away first if another one is wanted: %w", path, fs.ErrExist)
	case err != nil:
		return nil, fmt.Errorf("identity: there is no private key %s, and none can be written there: %w; make one where that can be done (tenuto keygen), or name another folder (--config-dir)",
			path, err)
	}
	// What cannot be read later, such as in a folder that others can write, is better known now.
	if key, err = s.readKey(); err != nil {
		return nil, err
	}
	s.log.Info("made a key", "file", path, "key", Fingerprint(key.Public().(ed25519.PublicKey)))
	return key, nil
}

// link is os.Link, but for tests.
var link = os.Link

// writeNew makes a file of mode 0600, whole or not at all; it fails with fs.ErrExist if there is one.
func writeNew(path string, b []byte) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+"-*") // of mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	// What is not on the disk before it has its name may be an empty file after a crash.
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	err = link(f.Name(), path)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	// Some file systems have no hard links. A rename there may put our file in the place of one made in this very moment.
	if _, err := os.Lstat(path); err == nil {
		return fs.ErrExist
	}
	return os.Rename(f.Name(), path)
}

func formatPrivate(key ed25519.PrivateKey) []byte {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic("BUG: an ed25519 key has no PKCS#8 form: " + err.Error())
	}
	return pem.EncodeToMemory(&pem.Block{Type: blockType, Bytes: der})
}

// parsePrivate reads the first PEM block. Its errors quote nothing of it.
func parsePrivate(b []byte) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode(b)
	switch {
	case block == nil:
		return nil, errors.New(`no private key in it: a PEM block "PRIVATE KEY" is expected`)
	case block.Type == "OPENSSH PRIVATE KEY":
		return nil, errors.New("the private key is in OpenSSH's own form; PKCS#8 is expected, as tenuto keygen writes it")
	case block.Type == "ENCRYPTED PRIVATE KEY":
		return nil, errors.New("the private key has a passphrase, which is not supported")
	case block.Type != blockType:
		return nil, errors.New(`the first PEM block is not of type "PRIVATE KEY" (PKCS#8)`)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("the private key is damaged: it is not PKCS#8")
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, errors.New("the private key is not one of ed25519")
	}
	return private, nil
}
