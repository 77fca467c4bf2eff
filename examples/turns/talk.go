package main

import (
	"context"
	"fmt"
	"io"

	"github.com/tenuto-session/tenuto"
)

// A talk is one end of a conversation.
type talk struct {
	s   *tenuto.Session
	out io.Writer

	unsaid []string // lines that wait for the token
	bye    bool     // after them this end takes leave
	asked  bool     // for the token, and it has not come
	over   bool
}

// here tells whether the data token is.
func (t *talk) here() bool {
	_, owned := t.s.Tokens()
	return owned&tenuto.DataToken != 0
}

// typed takes a line, or the end of the input.
func (t *talk) typed(ctx context.Context, line string, more bool) error {
	if more && line != "" { // an SSDU has at least one octet
		t.unsaid = append(t.unsaid, line)
	}
	t.bye = !more
	return t.speak(ctx)
}

// speak says what there is to say if the token is here, and asks for it otherwise.
func (t *talk) speak(ctx context.Context) error {
	switch {
	case len(t.unsaid) == 0 && !t.bye:
		return nil
	case !t.here() && t.asked:
		return nil
	case !t.here():
		t.asked = true
		t.show("-> S-TOKEN-PLEASE")
		return t.s.PleaseTokens(ctx, tenuto.DataToken, nil)
	}
	for _, line := range t.unsaid {
		t.show("-> " + line)
		if err := t.s.Send(ctx, []byte(line)); err != nil {
			return err
		}
	}
	t.unsaid = nil
	if !t.bye {
		return nil
	}
	t.show("-> S-RELEASE")
	return t.s.Release(ctx, nil)
}

// heard takes what the other end has to say.
func (t *talk) heard(ctx context.Context, i tenuto.Indication) error {
	switch i := i.(type) {
	case tenuto.Data:
		fmt.Fprintf(t.out, "<- %s\n", i.B)
	case tenuto.TokenPleaseInd:
		t.show("<- S-TOKEN-PLEASE")
		if !t.here() || t.bye {
			return nil // this end has released the session: nobody speaks any more
		}
		t.show("-> S-TOKEN-GIVE") // at once, for whatever was typed here has been said
		return t.s.GiveTokens(ctx, tenuto.DataToken, nil)
	case tenuto.TokenGiveInd:
		t.show("<- S-TOKEN-GIVE")
		t.asked = false
		return t.speak(ctx)
	case tenuto.ReleaseInd:
		t.show("<- S-RELEASE")
		for _, line := range t.unsaid {
			t.show("unsaid: " + line)
		}
		t.over = true
		return t.s.RespondRelease(ctx, nil)
	case tenuto.ReleaseCnf:
		t.over = true
	}
	return nil
}

func (t *talk) show(what string) { fmt.Fprintln(t.out, what) }
