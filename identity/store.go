package identity

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// The files of a folder.
const (
	keyFile        = "identity"
	knownFile      = "known_peers"
	authorizedFile = "authorized_keys"
)

// DefaultDir is the user's folder: $XDG_CONFIG_HOME/tenuto, else ~/.config/tenuto, also on macOS, where people look for such files
// beside those of ssh and git; %AppData%\tenuto on Windows.
func DefaultDir() (string, error) {
	// A relative path is to be ignored. XDG Base Directory Specification 0.8
	if dir := os.Getenv("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "tenuto"), nil
	}
	if runtime.GOOS == "windows" || runtime.GOOS == "plan9" {
		dir, err := os.UserConfigDir()
		if err != nil {
			return "", fmt.Errorf("identity: no folder for keys is known (%w): name one (--config-dir)", err)
		}
		return filepath.Join(dir, "tenuto"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("identity: no folder for keys is known (%w): name one (--config-dir)", err)
	}
	return filepath.Join(home, ".config", "tenuto"), nil
}

// Config says where the files are, and what is done with a server that is met for the first time.
type Config struct {
	// Dir is the folder; empty is DefaultDir.
	Dir string
	// Strict refuses servers that are not in known_peers. Else they are noted there.
	Strict bool
	// Logger hears of keys made, servers noted and damaged lines; nil is slog.Default.
	Logger *slog.Logger
}

// Store is a folder of keys. Its methods may be called at any time by anyone, also in several processes.
type Store struct {
	dir        string
	strict     bool
	log        *slog.Logger
	known      list[peer]
	authorized list[admission]

	mu      sync.Mutex
	own     ed25519.PublicKey            // guarded by mu; nil before it was read
	unnoted map[string]ed25519.PublicKey // guarded by mu; by address, servers met that could not be noted
}

// Open returns the store of a folder. It touches no file, so that the folder may as well be missing.
func Open(cfg Config) (*Store, error) {
	if cfg.Dir == "" {
		dir, err := DefaultDir()
		if err != nil {
			return nil, err
		}
		cfg.Dir = dir
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	s := &Store{dir: dir, strict: cfg.Strict, log: cfg.Logger, unnoted: make(map[string]ed25519.PublicKey)}
	s.known = list[peer]{path: s.path(knownFile), parse: parsePeer, log: s.log}
	s.authorized = list[admission]{path: s.path(authorizedFile), parse: parseAdmission, log: s.log}
	return s, nil
}

// Dir is the store's folder, as an absolute path.
func (s *Store) Dir() string { return s.dir }

func (s *Store) path(file string) string { return filepath.Join(s.dir, file) }

// isOwn tells whether a peer holds the store's own private key, and so is the same user.
func (s *Store) isOwn(key ed25519.PublicKey) bool {
	s.mu.Lock()
	own := s.own
	s.mu.Unlock()
	if own == nil {
		private, err := s.readKey()
		if err != nil {
			return false
		}
		own = private.Public().(ed25519.PublicKey)
		s.mu.Lock()
		s.own = own
		s.mu.Unlock()
	}
	return own.Equal(key)
}

// isUnix tells whether a URL is that of a Unix socket, whose mode says who may connect.
func isUnix(rawURL string) bool { return strings.HasPrefix(rawURL, unixScheme+":") }

// unixScheme is the scheme of URLs of Unix sockets.
const unixScheme = "tenuto+unix"

// Admit decides whether an initiator's key may use a service; an empty service asks whether there is any that it may use. The
// error is a *NotAdmittedError if not. The store's own key is always admitted, and so is any over a Unix socket; all other listen URLs
// share one authorized_keys.
func (s *Store) Admit(rawURL string, key ed25519.PublicKey, service string) error {
	if isUnix(rawURL) || s.isOwn(key) {
		return nil
	}
	lines, err := s.authorized.load()
	if err != nil {
		return err
	}
	for _, l := range lines {
		if l.err == nil && l.value.key.Equal(key) && (service == "" || l.value.services == nil || slices.Contains(l.value.services, service)) {
			return nil
		}
	}
	return &NotAdmittedError{Key: key, Service: service, File: s.authorized.path, Line: formatAdmission(key, service)}
}

// Verify decides whether key is the one of the server that the URL names. A server that is met for the first time is noted in
// known_peers, or refused with an *UnknownPeerError if the store is strict. If it cannot be noted it is accepted with a warning, and
// remembered as long as the store lives. Another key than the known one is a *ChangedKeyError. Any key is right over a Unix socket, and
// the store's own is for a server that is not known: it is not noted.
func (s *Store) Verify(rawURL string, key ed25519.PublicKey) error {
	if isUnix(rawURL) {
		return nil
	}
	address, err := Address(rawURL)
	if err != nil {
		return err
	}
	if len(key) != ed25519.PublicKeySize {
		return fmt.Errorf("identity: the key of %s does not have %d octets", address, ed25519.PublicKeySize)
	}
	lines, err := s.known.load()
	if err != nil {
		return err
	}
	if known, err := s.judge(lines, address, key); known || err != nil {
		return err
	}
	if s.isOwn(key) {
		return nil // after the lines: a server's place is not taken by leading its clients back to their own machine
	}
	if s.strict {
		return &UnknownPeerError{Address: address, Key: key, File: s.known.path, Line: formatPeer(address, key)}
	}
	err = s.note(address, key)
	var failed *noteError
	if errors.As(err, &failed) {
		return s.remember(address, key, failed.err)
	}
	return err
}

// judge looks for the server among the lines. It is not known if there is no line about it.
func (s *Store) judge(lines []line[peer], address string, key ed25519.PublicKey) (known bool, err error) {
	changed := &ChangedKeyError{Address: address, Key: key, File: s.known.path}
	var damaged error
	for _, l := range lines {
		switch {
		case l.value.address != address:
		case l.err != nil:
			damaged = fmt.Errorf("identity: line %d of %s, about %s, is damaged: %w; mend it, or remove it and the server is met anew",
				l.number, s.known.path, address, l.err)
		case l.value.key.Equal(key):
			return true, nil
		default:
			changed.Known = append(changed.Known, KnownKey{l.number, l.value.key})
		}
	}
	switch {
	case changed.Known != nil:
		return false, changed
	case damaged != nil:
		return false, damaged // it may have been another key
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	met := s.unnoted[address]
	if met != nil && !met.Equal(key) {
		return false, &ChangedKeyError{Address: address, Key: key, Known: []KnownKey{{0, met}}}
	}
	return met != nil, nil
}

// noteError says that a server could not be noted.
type noteError struct{ err error }

func (e *noteError) Error() string { return e.err.Error() }

// note adds a line for a server, unless somebody else has done so in the meantime, in which case it judges again.
func (s *Store) note(address string, key ed25519.PublicKey) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return &noteError{err}
	}
	f, err := os.OpenFile(s.known.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return &noteError{err}
	}
	defer f.Close()
	if err := lock(f); err != nil {
		return &noteError{err}
	}
	lines, err := s.known.read(f)
	if err != nil {
		return err
	}
	if known, err := s.judge(lines, address, key); known || err != nil {
		return err
	}
	if err := appendLine(f, formatPeer(address, key)); err != nil {
		return &noteError{err}
	}
	s.log.Info("met a server for the first time, and noted its key", "server", address, "key", Fingerprint(key), "file", s.known.path)
	return nil
}

// appendLine adds a line to a locked file, whole or not at all.
func appendLine(f *os.File, text string) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	text += "\n"
	if size := info.Size(); size > 0 {
		last := make([]byte, 1)
		if _, err := f.ReadAt(last, size-1); err != nil {
			return err
		}
		if last[0] != '\n' {
			text = "\n" + text
		}
	}
	if _, err := f.WriteString(text); err != nil {
		return errors.Join(err, f.Truncate(info.Size())) // a full disk may have taken half of it
	}
	return nil
}

// remember keeps a server that could not be noted.
func (s *Store) remember(address string, key ed25519.PublicKey, cause error) error {
	s.mu.Lock()
	met := s.unnoted[address]
	if met == nil {
		s.unnoted[address] = slices.Clone(key)
	}
	s.mu.Unlock()
	switch {
	case met == nil:
		s.log.Warn("met a server for the first time, and its key could not be noted: the next process will not notice if it changes",
			"server", address, "key", Fingerprint(key), "file", s.known.path, "cause", cause)
	case !met.Equal(key):
		return &ChangedKeyError{Address: address, Key: key, Known: []KnownKey{{0, met}}}
	}
	return nil
}
