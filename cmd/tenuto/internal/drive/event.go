package drive

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/spdu"
)

// An event is something that has come in: an indication, a confirm, or the end of the session.
type event struct {
	text  string   // in the notation of primitives
	name  string   // such as "sync-minor"
	kind  string   // "indication" or "confirm"
	parts []string // what stands in parentheses

	passed bool // a script need not expect it: it was waited for, or answered by itself
	end    bool // the session has ended
	abort  bool // by an abort
}

var notation = regexp.MustCompile(`^S-([A-Z-]+) (indication|confirm)\((.*)\)$`)

func newEvent(text string) event {
	e := event{text: text}
	m := notation.FindStringSubmatch(text)
	if m == nil {
		panic("BUG: no notation of a primitive: " + text)
	}
	e.name, e.kind, e.parts = strings.ToLower(m[1]), m[2], splitParts(m[3])
	return e
}

// splitParts cuts at commas that are followed by a blank and not within quotes.
func splitParts(s string) (parts []string) {
	quoted, from := false, 0
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case !quoted && strings.HasPrefix(s[i:], ", "):
			parts, from = append(parts, s[from:i]), i+2
		}
	}
	if from < len(s) {
		parts = append(parts, s[from:])
	}
	return parts
}

// ended is the event of a session's end.
func ended(err error) event {
	var ae *tenuto.AbortError
	switch {
	case errors.As(err, &ae) && ae.By == tenuto.User && ae.Remote:
		e := newEvent(fmt.Sprintf("S-U-ABORT indication(%s)", dataPart(ae.Data)))
		e.end, e.abort = true, true
		return e
	case errors.As(err, &ae) && ae.By == tenuto.Provider:
		e := newEvent(fmt.Sprintf("S-P-ABORT indication(reason=%q)", ae.Reason))
		e.end, e.abort = true, true
		if ae.Err != nil {
			e.text += ": " + ae.Err.Error()
		}
		if pe, ok := errors.AsType[*spdu.ProtocolError](ae.Err); ok {
			e.text += ", " + pe.Where()
		}
		return e
	}
	return event{text: "the session has ended: " + err.Error(), end: true, passed: true}
}

func dataPart(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	i := tenuto.ReleaseInd{Data: b}.String()
	return i[strings.Index(i, "(")+1 : len(i)-1]
}

// aliases are shorter names that scripts may use.
var aliases = map[string]string{"resync": "resynchronize", "typed": "typed-data", "expedited": "expedited-data", "capability": "capability-data",
	"give": "token-give", "please": "token-please", "give-control": "control-give", "exception": "u-exception-report", "abort": "u-abort"}

// matches tells whether an event is what an expect line names: the primitive, and of its parts those that stand there.
func (e *event) matches(l *line) bool {
	words := slices.Clone(l.words)
	if len(words) == 0 {
		return false
	}
	name := words[0]
	if full, ok := aliases[name]; ok {
		name = full
	}
	if e.name != name && !(name == "u-abort" && l.words[0] == "abort" && e.abort) {
		return false
	}
	words = words[1:]
	if len(words) > 0 {
		kind := map[string]string{"ind": "indication", "indication": "indication", "cnf": "confirm", "confirm": "confirm"}[words[0]]
		if kind != "" {
			if e.kind != kind {
				return false
			}
			words = words[1:]
		}
	}
	for key, v := range l.set {
		words = append(words, key+"="+v)
	}
	if l.hasData {
		words = append(words, dataPart(l.data))
	}
	for _, w := range words {
		if !slices.Contains(e.parts, w) {
			return false
		}
	}
	return true
}
