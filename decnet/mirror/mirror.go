// Package mirror is the loopback mirror, object 25, and its client: what NCP LOOP NODE uses. A message is a function or status and data, which
// come back.
//
//	err := mirror.Serve(ctx, conn)      // with mirror.AcceptData when it was accepted
//	err := mirror.Loop(ctx, conn, data)
package mirror

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/tenuto-session/tenuto/decnet/scp"
)

// AcceptData is the largest length of a message's data, which the mirror says when it accepts: 65535.
var AcceptData = []byte{0xff, 0xff}

// Messages. (decnet 1.4)
const (
	loop    = 0
	looped  = 1
	unknown = 0xff
)

// Link is what Serve and Loop need of a link.
type Link interface {
	Send(ctx context.Context, b []byte) error
	Receive(ctx context.Context) ([]byte, error)
}

// Serve answers until the caller disconnects, which is no error.
func Serve(ctx context.Context, l Link) error {
	for {
		b, err := l.Receive(ctx)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if len(b) == 0 || b[0] != loop {
			b = []byte{unknown}
		} else {
			b[0] = looped
		}
		if err := l.Send(ctx, b); err != nil {
			return err
		}
	}
}

// ErrDiffers is the error of Loop when other data came back.
var ErrDiffers = errors.New("mirror: other data came back")

// Loop sends data to a mirror and wants them back.
func Loop(ctx context.Context, l Link, data []byte) error {
	if err := l.Send(ctx, append([]byte{loop}, data...)); err != nil {
		return err
	}
	b, err := l.Receive(ctx)
	switch {
	case err != nil:
		return err
	case len(b) == 0 || b[0] != looped:
		return fmt.Errorf("mirror: the peer does not loop: answer % x", b[:min(len(b), 16)])
	case !bytes.Equal(b[1:], data):
		return ErrDiffers
	}
	return nil
}

// Most is the largest length of data that a mirror takes, by what it said when it accepted.
func Most(accept []byte) int {
	if len(accept) < 2 {
		return scp.MaxMessage
	}
	return int(binary.LittleEndian.Uint16(accept))
}
