package main

import (
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/tenuto-session/tenuto"
)

// limits are the flags for limits and times.
type limits struct {
	window           time.Duration
	retention        time.Duration
	handshakeTimeout time.Duration
	halfOpen         int
	streamBuffer     size
	allowPlaintext   bool
}

func (l *limits) add(f *pflag.FlagSet) {
	l.streamBuffer = 4 << 20
	f.DurationVar(&l.window, "window", 10*time.Minute, "try for `TIME` to reach the server again when the connection is lost")
	f.DurationVar(&l.retention, "retention", 15*time.Minute, "keep the sessions of a client without a connection for `TIME`; longer than its window")
	f.DurationVar(&l.handshakeTimeout, "handshake-timeout", 10*time.Second, "give a new connection `TIME` to prove who it is")
	f.IntVar(&l.halfOpen, "half-open", 256, "let at most `N` connections be in their handshake at a time")
	f.Var(&l.streamBuffer, "stream-buffer", "keep at most `SIZE` of a session's data, each way, until they are acknowledged")
	f.BoolVar(&l.allowPlaintext, "allow-plaintext", false, "let plaintext carriers leave this machine")
	f.SortFlags = false
}

// check finds values that no limit can have.
func (l *limits) check() error {
	for name, d := range map[string]time.Duration{"window": l.window, "retention": l.retention, "handshake-timeout": l.handshakeTimeout} {
		if d <= 0 {
			return usagef("--%s: %v is not positive", name, d)
		}
	}
	for name, n := range map[string]int64{"half-open": int64(l.halfOpen), "stream-buffer": int64(l.streamBuffer)} {
		if n <= 0 {
			return usagef("--%s: %d is not positive", name, n)
		}
	}
	return nil
}

// config returns the configuration of an endpoint.
func (l *limits) config(log *slog.Logger) *tenuto.EndpointConfig {
	return &tenuto.EndpointConfig{
		Window:         l.window,
		Retention:      l.retention,
		HandshakeTime:  l.handshakeTimeout,
		Limits:         tenuto.Limits{HalfOpen: l.halfOpen, StreamBytes: int(l.streamBuffer)},
		AllowPlaintext: l.allowPlaintext,
		Logger:         log,
		Events:         func(e tenuto.Event) { logEvent(log, e) },
	}
}

// logEvent tells what an endpoint's own log does not: it tells of what is lost.
func logEvent(log *slog.Logger, e tenuto.Event) {
	if e.Kind == tenuto.Resumed {
		log.Info("resumed", "bridge", e.Bridge.ID(), "carrier", e.Carrier)
	}
}

// size is a number of octets, as a flag: a number with KiB, MiB, GiB or nothing after it.
type size int64

var units = []struct {
	name string
	size int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}, {"", 1}}

// Set reads a size; it is not negative.
func (s *size) Set(text string) error {
	for _, u := range units {
		number, ok := strings.CutSuffix(text, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil || n < 0 || n > math.MaxInt/u.size {
			break
		}
		*s = size(n * u.size)
		return nil
	}
	return fmt.Errorf("want a size such as 512KiB, 4MiB or 65536")
}

// String writes the size as Set reads it, in the largest unit that divides it.
func (s *size) String() string {
	for _, u := range units {
		if int64(*s) >= u.size && int64(*s)%u.size == 0 && u.size > 1 {
			return fmt.Sprint(int64(*s)/u.size, u.name)
		}
	}
	return strconv.FormatInt(int64(*s), 10)
}

// Type names the value in a flag's help.
func (s *size) Type() string { return "size" }
