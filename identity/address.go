package identity

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

// DefaultPort is the port of a URL that names none.
const DefaultPort = "7225"

// Address is what a server is known by, whatever the scheme: the HOST:PORT of its URL, the host in lower case, an IPv6 address in
// its shortest form and in brackets.
func Address(rawURL string) (string, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return "", fmt.Errorf("identity: %w", err)
	}
	if u.Hostname() == "" {
		return "", fmt.Errorf("identity: %s names no host to know a key by", u.Redacted())
	}
	port := u.Port()
	if port == "" {
		port = DefaultPort
	}
	address, err := canonicalAddress(net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return "", fmt.Errorf("identity: %s: %w", u.Redacted(), err)
	}
	return address, nil
}

// canonicalAddress gives each HOST:PORT its one form. What it returns it returns unchanged, and has no space in it.
func canonicalAddress(s string) (string, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return "", errAddress
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return "", errAddress
	}
	if a, err := netip.ParseAddr(host); err == nil {
		host = a.Unmap().String()
	} else if host = strings.ToLower(host); strings.Contains(host, ":") {
		return "", errAddress
	}
	if host == "" || host[0] == '#' || strings.ContainsFunc(host, func(r rune) bool {
		return !unicode.IsGraphic(r) || unicode.IsSpace(r) || strings.ContainsRune("[]", r)
	}) {
		return "", errAddress
	}
	return net.JoinHostPort(host, strconv.FormatUint(n, 10)), nil
}
