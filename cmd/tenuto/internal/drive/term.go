package drive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/term"
)

// Terminal lets a person type lines, with history and completion by the tab key, until the end of input or the line quit. What is printed while
// the person types goes above the line.
type Terminal struct {
	t *term.Terminal
}

// NewTerminal makes a Terminal of something that is one, in raw mode.
func NewTerminal(rw io.ReadWriter) *Terminal {
	t := term.NewTerminal(rw, "> ")
	t.AutoCompleteCallback = complete
	return &Terminal{t}
}

// Write prints above the line that is being typed.
func (t *Terminal) Write(b []byte) (int, error) { return t.t.Write(b) }

// Run runs what is typed.
func (t *Terminal) Run(ctx context.Context, p *Player) error {
	for ctx.Err() == nil {
		text, err := t.t.ReadLine()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && !errors.Is(err, term.ErrPasteIndicator) {
			return err
		}
		switch strings.TrimSpace(text) {
		case "quit", "exit":
			return p.finish()
		case "help", "?":
			io.WriteString(t, Usage())
			continue
		}
		if err := p.Do(text); err != nil {
			fmt.Fprintf(t, "%v\n", err)
		}
	}
	return p.finish()
}

// complete completes the word before the cursor: a verb, or what may follow some of them.
func complete(text string, pos int, key rune) (string, int, bool) {
	if key != '\t' {
		return "", 0, false
	}
	head := text[:pos]
	from := strings.LastIndexAny(head, " ,=") + 1
	word := head[from:]
	var fit []string
	for _, c := range candidates(strings.Fields(head[:from])) {
		if strings.HasPrefix(c, word) {
			fit = append(fit, c)
		}
	}
	if len(fit) == 0 {
		return "", 0, false
	}
	with := fit[0]
	for _, c := range fit[1:] {
		for !strings.HasPrefix(c, with) {
			with = with[:len(with)-1]
		}
	}
	if len(fit) == 1 && (from == 0 || head[from-1] == ' ') && !strings.HasSuffix(with, "=") {
		with += " "
	}
	return head[:from] + with + text[pos:], from + len(with), true
}

// candidates are the words that may come after others.
func candidates(before []string) []string {
	if len(before) == 0 {
		return append(Verbs(), "help", "quit")
	}
	switch last := before[len(before)-1]; {
	case strings.HasPrefix(last, "fu="):
		names := []string{"all"}
		for name := range unitNames {
			names = append(names, name)
		}
		return names
	case last == "give" || last == "please" || strings.HasPrefix(last, "here=") || strings.HasPrefix(last, "there=") || strings.HasPrefix(last, "choose="):
		return []string{"data", "minor", "major", "release"}
	}
	switch before[0] {
	case "connect", "accept":
		return []string{"fu=", "service=", "here=", "there=", "choose=", "please=", "serial=", "version=", "tsdu=", "concatenation=", "reference="}
	case "resync":
		return []string{"restart", "set", "abandon", "here=", "there=", "choose="}
	case "activity":
		return []string{"start", "resume", "interrupt", "discard", "end", "old=", "serial="}
	case "sync-minor":
		return []string{"optional", "separated"}
	case "expect":
		return []string{"data", "typed-data", "expedited-data", "capability-data", "token-give", "token-please", "control-give", "sync-minor", "sync-major", "resynchronize",
			"u-exception-report", "activity-start", "activity-resume", "activity-interrupt", "activity-discard", "activity-end", "release", "abort", "connect"}
	}
	return nil
}
