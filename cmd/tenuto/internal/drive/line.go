package drive

import (
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tenuto-session/tenuto"
)

// A line is one line of a script, taken apart.
type line struct {
	number     int
	text       string
	verb       string
	words      []string          // after the verb, without what follows
	set        map[string]string // key=value
	data       []byte            // the quoted or hexadecimal octets, or those that size= makes
	hasData    bool
	size       int  // what size= says: data are made when they are needed
	background bool // it ends in &
}

// parseLine takes a line apart; ok is false for an empty one.
func parseLine(number int, text string) (l line, ok bool, err error) {
	l = line{number: number, text: strings.TrimSpace(text), set: make(map[string]string)}
	words, err := split(l.text)
	if err != nil || len(words) == 0 {
		return l, false, err
	}
	if words[len(words)-1] == "&" {
		l.background, words = true, words[:len(words)-1]
	}
	if len(words) == 0 {
		return l, false, errors.New("& stands alone")
	}
	l.verb = words[0]
	for _, w := range words[1:] {
		key, value, isSet := strings.Cut(w, "=")
		made := key == "size" && isSet && l.verb != "expect"
		switch {
		case (made || isLiteral(w)) && l.hasData:
			return l, false, errors.New("octets twice")
		case made:
			l.hasData = true
			if l.size, err = strconv.Atoi(value); err != nil || l.size < 1 || l.size > maxPattern {
				return l, false, fmt.Errorf("size: %q is no number up to %d", value, maxPattern)
			}
		case isLiteral(w):
			l.hasData = true
			if l.data, err = literal(w); err != nil {
				return l, false, err
			}
		case isSet:
			l.set[key] = value
		default:
			l.words = append(l.words, w)
		}
	}
	return l, true, nil
}

// split cuts a line at blanks that are not within quotes, and ends it at a #.
func split(s string) (words []string, err error) {
	for {
		s = strings.TrimLeft(s, " \t")
		if s == "" || s[0] == '#' {
			return words, nil
		}
		n := 0
		for n < len(s) && s[n] != ' ' && s[n] != '\t' {
			if s[n] != '"' {
				n++
				continue
			}
			quoted, err := strconv.QuotedPrefix(s[n:])
			if err != nil {
				return nil, errors.New("a quotation mark is missing")
			}
			n += len(quoted)
		}
		words, s = append(words, s[:n]), s[n:]
	}
}

func isLiteral(w string) bool { return strings.HasPrefix(w, `"`) || strings.HasPrefix(w, "0x") }

// literal reads "text" as in Go, or hexadecimal digits behind 0x.
func literal(w string) ([]byte, error) {
	if digits, ok := strings.CutPrefix(w, "0x"); ok {
		b, err := hex.DecodeString(digits)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", w, err)
		}
		return b, nil
	}
	if !strings.HasPrefix(w, `"`) {
		return []byte(w), nil
	}
	s, err := strconv.Unquote(w)
	if err != nil {
		return nil, fmt.Errorf("%s: not a string", w)
	}
	return []byte(s), nil
}

// maxPattern bounds what size= makes, in octets.
const maxPattern = 1 << 30

// pattern is text of n octets that does not repeat soon.
func pattern(n int) []byte {
	b := make([]byte, 0, n+8)
	for i := 0; len(b) < n; i++ {
		b = fmt.Appendf(b, "%d ", i)
	}
	return b[:n]
}

// allow complains of keys that a line may not have, and of more words than it may.
func (l *line) allow(words int, keys ...string) error {
	for _, key := range slices.Sorted(maps.Keys(l.set)) {
		if !slices.Contains(keys, key) {
			return fmt.Errorf("%s: no parameter %s", l.verb, key)
		}
	}
	if len(l.words) > words {
		return fmt.Errorf("%s: what is %q?", l.verb, l.words[words])
	}
	return nil
}

func (l *line) word(i int) string {
	if i < len(l.words) {
		return l.words[i]
	}
	return ""
}

func (l *line) octets(key string) ([]byte, error) {
	v, ok := l.set[key]
	if !ok {
		return nil, nil
	}
	b, err := literal(v)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	return b, nil
}

func (l *line) number32(key, value string) (uint32, error) {
	n, err := strconv.ParseUint(value, 10, 32)
	if err != nil || n > tenuto.MaxSerial {
		return 0, fmt.Errorf("%s: %s: %q is no number up to %d", l.verb, key, value, tenuto.MaxSerial)
	}
	return uint32(n), nil
}

var tokenNames = map[string]tenuto.Tokens{"data": tenuto.DataToken, "minor": tenuto.MinorToken, "major": tenuto.MajorToken, "release": tenuto.ReleaseToken}

// tokens reads names of tokens with commas between them.
func tokens(s string) (t tenuto.Tokens, err error) {
	if s == "" {
		return 0, nil
	}
	for _, name := range strings.Split(s, ",") {
		k, ok := tokenNames[name]
		if !ok {
			return 0, fmt.Errorf("no token %q (there are data, minor, major and release)", name)
		}
		t |= k
	}
	return t, nil
}

// settings reads here=, there= and choose=.
func (l *line) settings() (s tenuto.TokenSettings, err error) {
	for key, set := range map[string]*tenuto.Tokens{"here": &s.Here, "there": &s.There, "choose": &s.Choose} {
		if *set, err = tokens(l.set[key]); err != nil {
			return s, fmt.Errorf("%s: %w", key, err)
		}
	}
	return s, nil
}

var unitNames = map[string]tenuto.Units{
	"duplex": tenuto.Duplex, "half-duplex": tenuto.HalfDuplex, "expedited": tenuto.Expedited, "typed": tenuto.TypedData,
	"capability": tenuto.CapabilityData, "minor": tenuto.MinorSync, "separation": tenuto.DataSeparation, "major": tenuto.MajorSync,
	"resync": tenuto.Resync, "exceptions": tenuto.Exceptions, "activity": tenuto.Activity, "release": tenuto.NegotiatedRelease,
}

// units reads names of functional units with commas between them; "all" are all that there are with half-duplex and duplex both.
func units(s string) (u tenuto.Units, err error) {
	for _, name := range strings.Split(s, ",") {
		k, ok := unitNames[name]
		if name == "all" {
			for _, v := range unitNames {
				k |= v
			}
		} else if !ok {
			return 0, fmt.Errorf("fu: no functional unit %q (there are %s, and all)", name, strings.Join(slices.Sorted(maps.Keys(unitNames)), ", "))
		}
		u |= k
	}
	return u, nil
}

var reasons = map[string]tenuto.ExceptionReason{
	"": tenuto.NoSpecificReason, "none": tenuto.NoSpecificReason, "jeopardized": tenuto.ReceivingJeopardized, "sequence": tenuto.UserSequenceError,
	"local": tenuto.LocalUserError, "unrecoverable": tenuto.UnrecoverableError, "demand-data": tenuto.DemandDataToken,
}

func reason(s string) (tenuto.ExceptionReason, error) {
	r, ok := reasons[s]
	if !ok {
		return 0, fmt.Errorf("no reason %q (there are %s)", s, strings.Join(slices.Sorted(maps.Keys(reasons))[1:], ", "))
	}
	return r, nil
}

// connectKeys are the parameters of connect and accept.
var connectKeys = []string{"service", "calling", "fu", "here", "there", "choose", "please", "serial", "version", "tsdu", "receive-tsdu", "concatenation", "reference", "common",
	"additional"}

// config reads the parameters of connect and accept.
func (l *line) config() (*tenuto.Config, error) {
	err := l.allow(1, connectKeys...)
	if err != nil {
		return nil, err
	}
	c := &tenuto.Config{UserData: l.data, Simplex: l.word(0) == "simplex"}
	if !c.Simplex && len(l.words) > 0 || c.Simplex && l.verb == "accept" {
		return nil, fmt.Errorf("%s: what is %q?", l.verb, l.words[0])
	}
	if v, ok := l.set["fu"]; ok {
		if c.Units, err = units(v); err != nil {
			return nil, err
		}
	}
	if c.Tokens, err = l.settings(); err != nil {
		return nil, err
	}
	if c.PleaseTokens, err = tokens(l.set["please"]); err != nil {
		return nil, fmt.Errorf("please: %w", err)
	}
	for key, v := range map[string]*string{"service": &c.Service, "calling": &c.Calling} {
		b, err := l.octets(key)
		if err != nil {
			return nil, err
		}
		*v = string(b)
	}
	ref := &c.Reference
	if l.verb == "accept" {
		ref.Called, err = l.octets("reference")
	} else {
		ref.Calling, err = l.octets("reference")
	}
	if err != nil {
		return nil, err
	}
	for key, v := range map[string]*[]byte{"common": &ref.Common, "additional": &ref.Additional} {
		if *v, err = l.octets(key); err != nil {
			return nil, err
		}
	}
	return c, l.configNumbers(c)
}

func (l *line) configNumbers(c *tenuto.Config) (err error) {
	if v, ok := l.set["serial"]; ok {
		if c.Serial, err = l.number32("serial", v); err != nil {
			return err
		}
	}
	for key, v := range map[string]*int{"tsdu": &c.TSDUSize, "receive-tsdu": &c.ReceiveTSDUSize} {
		if s, ok := l.set[key]; ok {
			if *v, err = strconv.Atoi(s); err != nil {
				return fmt.Errorf("%s: %q is no number", key, s)
			}
		}
	}
	switch v := l.set["version"]; v {
	case "":
	case "1":
		c.Version = tenuto.Version1
	case "2":
		c.Version = tenuto.Version2
	case "1,2":
		c.Version = tenuto.Version1 | tenuto.Version2
	default:
		return fmt.Errorf("version: %q is none of 1, 2 and 1,2", v)
	}
	switch v := l.set["concatenation"]; v {
	case "", "no":
	case "yes":
		c.Concatenation = true
	default:
		return fmt.Errorf("concatenation: %q is neither yes nor no", v)
	}
	return nil
}

// AllUnits are the functional units that a listener takes part in.
var AllUnits = func() (u tenuto.Units) {
	for _, v := range unitNames {
		u |= v
	}
	return u
}()
