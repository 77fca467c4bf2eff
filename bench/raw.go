package bench

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/url"
	"sync"
	"time"

	"github.com/tenuto-session/tenuto/bridge"
	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/spdu"
)

// rawBridge is a bridge without an endpoint: its carrier, and the keys to attach another one.
type rawBridge struct {
	carrier.Conn
	keys bridge.Keys
	mu   sync.Mutex // Write has one caller at a time
}

func (r *rawBridge) Write(bufs ...[]byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.Conn.Write(bufs...)
}

// Read makes a rawBridge an io.Reader.
func (r *rawBridge) Read(b []byte) (int, error) { return r.Conn.Read(b) }

func dialRaw(network carrier.Network, addr string) (carrier.Conn, error) {
	return network.Dial(context.Background(), &url.URL{Scheme: network.Scheme(), Host: addr})
}

// greetRaw makes a bridge with the hostile peer's key.
func greetRaw(network carrier.Network, addr string) (*rawBridge, error) {
	c, err := dialRaw(network, addr)
	if err != nil {
		return nil, err
	}
	settings := bridge.Settings{Credit: bridge.MinCredit, Heartbeat: 20 * time.Second, Retention: time.Minute, Streams: many}
	hs, hello := bridge.NewInitiator(benchKey(hostileEnd), settings, bridge.Channel{Binding: c.Binding(), Secret: c.Secret()}, random(bridge.SeedSize))
	if _, err := c.Write([]byte(bridge.Magic), hello); err != nil {
		return nil, err
	}
	body, err := readMessage(c, bridge.MessageWelcome)
	if err != nil {
		return nil, err
	}
	proof, result, err := hs.Welcome(body)
	if err != nil {
		return nil, err
	}
	if _, err := c.Write(proof); err != nil {
		return nil, err
	}
	return &rawBridge{Conn: c, keys: bridge.NewKeys(result)}, nil
}

// attachRaw attaches the bridge to another carrier.
func (r *rawBridge) attachRaw(network carrier.Network, addr string) (*rawBridge, error) {
	c, err := dialRaw(network, addr)
	if err != nil {
		return nil, err
	}
	nonce := random(32)
	next := &rawBridge{Conn: c, keys: r.keys}
	if _, err := c.Write([]byte(bridge.Magic), next.keys.Attach(c.Binding(), nonce)); err != nil {
		return nil, err
	}
	body, err := readMessage(c, bridge.MessageAttached)
	if err != nil {
		return nil, err
	}
	return next, next.keys.Attached(c.Binding(), nonce, body)
}

func readMessage(r io.Reader, want bridge.MessageType) ([]byte, error) {
	b := make([]byte, 3, 3+bridge.MaxMessage)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, err
	}
	b = b[:3+int(b[1])<<8+int(b[2])]
	if _, err := io.ReadFull(r, b[3:]); err != nil {
		return nil, err
	}
	got, body, _, err := bridge.ParseMessage(b)
	if err == nil && got != want {
		err = fmt.Errorf("%v came instead of %v", got, want)
	}
	return body, err
}

// answer answers each PING, so that the carrier is not given up, and drops everything else until the carrier is closed.
func (r *rawBridge) answer() {
	var b []byte
	skip := 0
	buf := make([]byte, bufferSize)
	for {
		n, err := r.Read(buf)
		if err != nil {
			return
		}
		for b = append(b, buf[:n]...); ; {
			k := min(skip, len(b))
			b, skip = b[k:], skip-k
			f, n, err := bridge.ParseFrame(b)
			if err != nil || n == 0 {
				break
			}
			b, skip = b[n:], f.Length
			if f.Type == bridge.FramePing {
				f.Type = bridge.FramePong
				pong, _ := f.AppendBinary(nil)
				if _, err := r.Write(pong); err != nil {
					return
				}
			}
		}
	}
}

// openSession appends the frames that open a stream and ask for a session on it.
func openSession(b []byte, id uint32) ([]byte, error) {
	cn := spdu.CN{ConnectItem: spdu.ConnectItem{Version: spdu.Version2}, Units: spdu.Duplex, Called: []byte("bench")}
	body, err := cn.AppendBinary(nil)
	if err != nil {
		return nil, err
	}
	open := bridge.Frame{Type: bridge.FrameOpen, Stream: id, Arg: bridge.MinCredit}
	data := bridge.Frame{Type: bridge.FrameData, Stream: id, Length: bridge.RecordHeader + len(body)}
	if b, err = open.AppendBinary(b); err != nil {
		return nil, err
	}
	if b, err = data.AppendBinary(b); err != nil {
		return nil, err
	}
	var h [bridge.RecordHeader]byte
	bridge.PutRecord(h[:], len(body), true)
	return append(append(b, h[:]...), body...), nil
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}
