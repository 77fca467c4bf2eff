package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/tenuto-session/tenuto"
)

// join says what comes from in, and prints what others say, until in ends.
func join(ctx context.Context, url, name string, in io.Reader, out io.Writer) error {
	s, err := tenuto.Dial(ctx, url, &tenuto.Config{UserData: []byte(name)})
	if err != nil {
		return err
	}
	said := make(chan error, 1)
	go func() { said <- say(ctx, s, in) }()
	for {
		indication, err := s.Receive(ctx)
		if err != nil {
			return errors.Join(err, s.Abort(nil))
		}
		switch indication := indication.(type) {
		case tenuto.Data:
			end := ""
			if indication.End {
				end = "\n"
			}
			if _, err := fmt.Fprintf(out, "%s%s", indication.B, end); err != nil {
				return errors.Join(err, s.Abort(nil))
			}
		case tenuto.ReleaseCnf:
			return <-said
		case tenuto.ReleaseInd: // the host closes
			return s.RespondRelease(ctx, nil)
		}
	}
}

// say sends each line, and then asks for release: the host answers when it has said what it had to say.
func say(ctx context.Context, s *tenuto.Session, in io.Reader) error {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		if err := s.Send(ctx, lines.Bytes()); err != nil {
			return err
		}
	}
	return errors.Join(lines.Err(), s.Release(ctx, nil))
}
