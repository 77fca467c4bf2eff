package identity

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// keyOf makes a key that is the same for the same n.
func keyOf(n byte) ed25519.PublicKey {
	seed := bytes.Repeat([]byte{n}, ed25519.SeedSize)
	return ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
}

// The texts of keyOf(1), once from outside: openssl says the same.
const (
	text1        = "ed25519 iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w="
	fingerprint1 = "SHA256:NHUPmL1Z/PyUbaRaqr6TO+FUpLUJThxKv0KGZQXzyX4"
)

func TestTextOfKey(t *testing.T) {
	if got := FormatPublic(keyOf(1), ""); got != text1 {
		t.Errorf("FormatPublic = %q; want %q", got, text1)
	}
	if got, want := FormatPublic(keyOf(1), " who\n@ \there\x00"), text1+" who @ here"; got != want {
		t.Errorf("FormatPublic = %q; want %q", got, want)
	}
	if got := Fingerprint(keyOf(1)); got != fingerprint1 {
		t.Errorf("Fingerprint = %q; want %q", got, fingerprint1)
	}
	if c := DefaultComment(); strings.Count(c, "@") == 0 || strings.ContainsAny(c, " \n\\") {
		t.Errorf("DefaultComment = %q; want user@host", c)
	}
}

func TestParsePublic(t *testing.T) {
	word := strings.Fields(text1)[1]
	for _, tt := range []struct {
		in, comment string
		err         error
	}{
		{text1, "", nil},
		{text1 + " me@host", "me@host", nil},
		{"\t ed25519   " + word + "\tme and you \r", "me and you", nil},
		{"", "", errKind},
		{"ed25519", "", errNoKey},
		{"ed448 " + word, "", errKind},
		{word, "", errKind},
		{"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIqI", "", errSSH},
		{"ed25519 " + word[:40], "", errSize},
		{"ed25519 " + word[:43], "", errBase64},
		{"ed25519 " + word[:42] + "x=", "", errBase64}, // bits beyond the last octet
		{"ed25519 " + word + "=", "", errBase64},
		{"ed25519 !" + word[1:], "", errBase64},
	} {
		key, comment, err := ParsePublic(tt.in)
		if !errors.Is(err, tt.err) || comment != tt.comment || tt.err == nil && !key.Equal(keyOf(1)) {
			t.Errorf("ParsePublic(%q) = %v, %q, %v; want %q, %v", tt.in, key, comment, err, tt.comment, tt.err)
		}
		if err != nil && strings.Contains(err.Error(), word[:20]) {
			t.Errorf("ParsePublic(%q): the error quotes the line: %v", tt.in, err)
		}
	}
}

func TestAddress(t *testing.T) {
	for in, want := range map[string]string{
		"tenuto://Example.ORG/db":                "example.org:7225",
		"tenuto+tcp://example.org:07225":         "example.org:7225",
		"tenuto://10.0.0.1:9":                    "10.0.0.1:9",
		"tenuto://[2001:DB8:0::1]/x":             "[2001:db8::1]:7225",
		"tenuto://[::ffff:192.0.2.1]:1":          "192.0.2.1:1",
		"tenuto://[fe80::1%25eth0]:1":            "[fe80::1%eth0]:1",
		"tenuto://user:pass@host/x":              "host:7225",
		"tenuto://host:0":                        "",
		"tenuto://host:65536":                    "",
		"tenuto+unix:///run/t.sock":              "",
		"tenuto://:7225":                         "",
		"tenuto://[fe80::1%25a%20b]:1":           "", // a space would end the word
		"tenuto://\u3000:1":                      "",
		"host:7225":                              "",
		"%":                                      "",
		"tenuto://b\u00fccher.example:1/service": "b\u00fccher.example:1",
	} {
		got, err := Address(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("Address(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	if _, err := Address("tenuto://me:secret@/x"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("an error tells a password: %v", err)
	}
}

func TestParsePeer(t *testing.T) {
	for _, tt := range []struct {
		in, address string
		err         error
	}{
		{"host:7225 " + text1, "host:7225", nil},
		{"[::1]:1\t" + text1 + " at home", "[::1]:1", nil},
		{"host " + text1, "", errAddress},
		{"Host:7225 " + text1, "", errAddress},
		{"host:07225 " + text1, "", errAddress},
		{"host:0 " + text1, "", errAddress},
		{"::1:7225 " + text1, "", errAddress},
		{"[host]:7225 " + text1, "", errAddress},
		{text1, "", errAddress},
		{"host:7225", "host:7225", errKind},
		{"host:7225 " + text1[:30], "host:7225", errBase64},
	} {
		p, err := parsePeer(tt.in)
		if !errors.Is(err, tt.err) || p.address != tt.address || tt.err == nil && !p.key.Equal(keyOf(1)) {
			t.Errorf("parsePeer(%q) = %v, %v; want %q, %v", tt.in, p, err, tt.address, tt.err)
		}
	}
}

func TestParseAdmission(t *testing.T) {
	for _, tt := range []struct {
		in       string
		services []string
		err      error
	}{
		{text1, nil, nil},
		{text1 + ` services="a"`, nil, nil}, // a comment
		{`services="a" ` + text1, []string{"a"}, nil},
		{`services="a,b c,d"	` + text1 + " who", []string{"a", "b c", "d"}, nil},
		{`services="sixteen-octets-x" ` + text1, []string{"sixteen-octets-x"}, nil},
		{`services="sixteen-octets-xx" ` + text1, nil, errServices},
		{`services="" ` + text1, nil, errServices},
		{`services="a,,b" ` + text1, nil, errServices},
		{`services="a,` + text1, nil, errQuote},
		{`services="a"` + text1, nil, errQuote},
		{`services=a ` + text1, nil, errQuote},
		{`from="host" ` + text1, nil, errOption},
		{`services="a" services="b" ` + text1, nil, errKind},
		{`services="a"`, nil, errKind},
		{"ed25519 x", nil, errBase64},
		{"host:7225 " + text1, nil, errKind},
	} {
		a, err := parseAdmission(tt.in)
		if !errors.Is(err, tt.err) || tt.err == nil && (!slices.Equal(a.services, tt.services) || (a.services == nil) != (tt.services == nil) || !a.key.Equal(keyOf(1))) {
			t.Errorf("parseAdmission(%q) = %v, %v; want %q, %v", tt.in, a, err, tt.services, tt.err)
		}
	}
	for service, want := range map[string]string{
		"":                  text1,
		"db":                `services="db" ` + text1,
		"a,b":               text1, // cannot be told from two
		`"`:                 text1,
		"sixteen-octets-xx": text1,
	} {
		if got := formatAdmission(keyOf(1), service); got != want {
			t.Errorf("formatAdmission(%q) = %q; want %q", service, got, want)
		}
	}
}

func FuzzParsePublic(f *testing.F) {
	f.Add(text1 + " me@host")
	f.Add("ssh-ed25519 AAAA")
	f.Fuzz(func(t *testing.T, line string) {
		key, comment, err := ParsePublic(line)
		if err != nil {
			return
		}
		text := FormatPublic(key, comment)
		again, comment, err := ParsePublic(text)
		if err != nil || !again.Equal(key) || FormatPublic(again, comment) != text {
			t.Fatalf("%q became %q, %q, %v", text, again, comment, err)
		}
	})
}

func FuzzParsePeer(f *testing.F) {
	f.Add("host:7225 " + text1)
	f.Add("[fe80::1%eth0]:1 " + text1)
	f.Add("host:1 ed25519 x")
	f.Fuzz(func(t *testing.T, line string) {
		p, err := parsePeer(line)
		if err != nil {
			return
		}
		if again, err := parsePeer(formatPeer(p.address, p.key)); err != nil || !reflect.DeepEqual(again, p) {
			t.Fatalf("%v became %v, %v", p, again, err)
		}
	})
}

// Whatever URL is dialled, what is noted for it is found again.
func FuzzAddress(f *testing.F) {
	f.Add("tenuto://Example.org/x")
	f.Add("tenuto://[FE80::1%25eth0]:1")
	f.Fuzz(func(t *testing.T, rawURL string) {
		address, err := Address(rawURL)
		if err != nil {
			return
		}
		line := formatPeer(address, keyOf(1))
		if strings.ContainsAny(line, "\r\n") || line[0] == '#' {
			t.Fatalf("%q is no line", line)
		}
		if p, err := parsePeer(line); err != nil || p.address != address {
			t.Fatalf("%q became %v, %v", line, p, err)
		}
	})
}

func FuzzParseAdmission(f *testing.F) {
	f.Add(text1)
	f.Add(`services="a,b" ` + text1)
	f.Fuzz(func(t *testing.T, line string) {
		a, err := parseAdmission(line)
		if err != nil {
			return
		}
		for _, service := range append(a.services, "") {
			text := formatAdmission(a.key, service)
			want := admission{key: a.key}
			if service != "" {
				want.services = []string{service}
			}
			if again, err := parseAdmission(text); err != nil || !reflect.DeepEqual(again, want) {
				t.Fatalf("%q became %v, %v", text, again, err)
			}
		}
	})
}
