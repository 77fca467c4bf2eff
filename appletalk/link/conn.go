package link

import (
	"errors"
	"fmt"
	"net"
)

// MaxFrame is the size of the largest frame of any kind, in octets.
const MaxFrame = 1514

// ErrClosed is what a link returns that was closed.
var ErrClosed = fmt.Errorf("link: %w", net.ErrClosed)

// ErrFrameSize is what WriteFrame returns for a frame that the link cannot carry.
var ErrFrameSize = errors.New("link: write frame: size: none of the link's frames has it")

// Link is one link. ReadFrame is called by one goroutine at a time; the other methods by any. All that is sent on a link is heard by
// all stations on it but the sender, or lost.
type Link interface {
	// Kind says which frames it carries.
	Kind() Kind
	// Hardware is the station's own address; zero on LocalTalk.
	Hardware() Hardware
	// ReadFrame waits for the next frame that others have sent and reads it into b, which has MaxFrame octets. After Close it returns
	// an error that is ErrClosed; any other error is one of the link, after which reading may go on.
	ReadFrame(b []byte) (n int, err error)
	// WriteFrame sends a frame, and does not wait for anybody to receive it. It does not keep b.
	WriteFrame(b []byte) error
	// Join and Leave say which multicast addresses the station wants to hear, beside the one of all AppleTalk nodes; it may hear
	// others. On LocalTalk they do nothing.
	Join(Hardware) error
	Leave(Hardware) error
	// Close ends the link. It may be called twice.
	Close() error
	// String is the URL of the link.
	String() string
}
