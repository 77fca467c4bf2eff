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

// limits are the flags for limits, times and carriers. Their zero values are the defaults of package tenuto where no flag was added.
type limits struct {
	nodes nodes

	handshakeTimeout time.Duration
	heartbeat        time.Duration
	streams          int
	streamBuffer     size
	bridgeBuffer     size
	processBuffer    size
	allowPlaintext   bool
	noBinding        bool

	// Of who dials.
	window   time.Duration
	park     time.Duration
	parkPoll time.Duration
	strict   bool

	// Of who listens.
	retention     time.Duration
	parkRetention time.Duration
	halfOpen      int
	bridges       int

	osi tenuto.OSIConfig
}

// dialling adds the flags of a command that dials.
func (l *limits) dialling(f *pflag.FlagSet) {
	l.dials(f)
	l.common(f)
}

// listening adds the flags of a command that listens.
func (l *limits) listening(f *pflag.FlagSet) {
	l.listens(f)
	l.common(f)
}

// both adds the flags of a command that does both.
func (l *limits) both(f *pflag.FlagSet) {
	l.dials(f)
	l.listens(f)
	l.common(f)
}

func (l *limits) dials(f *pflag.FlagSet) {
	f.DurationVar(&l.window, "window", 10*time.Minute, "try for `TIME` to reach the server again when the connection is lost")
	f.DurationVar(&l.park, "park", 0, "close a connection on which nothing happens for `TIME`, until there is something to send; 0 never does")
	f.DurationVar(&l.parkPoll, "park-poll", time.Minute, "while it is closed so, ask the server every `TIME` what it has; 0 never does")
	f.BoolVar(&l.strict, "strict", false, "refuse a server that is not in known_peers, instead of noting it")
}

func (l *limits) listens(f *pflag.FlagSet) {
	f.DurationVar(&l.retention, "retention", 15*time.Minute, "keep the sessions of a client without a connection for `TIME`; longer than its window")
	f.DurationVar(&l.parkRetention, "park-retention", 7*24*time.Hour, "keep them for `TIME` if the client has parked them; 0 lets no client park")
	f.IntVar(&l.halfOpen, "half-open", 256, "let at most `N` connections be in their handshake at a time")
	f.IntVar(&l.bridges, "bridges", 64, "let each key have at most `N` bridges")
}

func (l *limits) common(f *pflag.FlagSet) {
	l.streamBuffer, l.bridgeBuffer, l.processBuffer = 4<<20, 512<<20, 1<<30
	f.DurationVar(&l.handshakeTimeout, "handshake-timeout", 10*time.Second, "give a new connection `TIME` to prove who it is")
	f.DurationVar(&l.heartbeat, "heartbeat", 20*time.Second, "let an idle connection be silent for at most `TIME`")
	f.IntVar(&l.streams, "streams", 8192, "let the peer have at most `N` sessions on a bridge")
	f.Var(&l.streamBuffer, "stream-buffer", "keep at most `SIZE` of a session's data, each way, until they are acknowledged")
	f.Var(&l.bridgeBuffer, "bridge-buffer", "keep at most `SIZE` for all sessions of a bridge")
	f.Var(&l.processBuffer, "process-buffer", "keep at most `SIZE` for all sessions of this process")
	f.BoolVar(&l.allowPlaintext, "allow-plaintext", false, "let plaintext (tenuto+tcp://, and osi:// to listen at) leave this machine")
	f.StringVar(&l.nodes.link, "atalk", "ltoudp://", "for tenuto+adsp://, be an AppleTalk node on the link of `URL` (docs/atalk.md)")
	f.StringVar(&l.nodes.decnet, "decnet", "", "for tenuto+decnet://, be the DECnet node in `FILE` (docs/decnet.md)")
	f.BoolVar(&l.noBinding, "no-binding", false, "work through a proxy that ends TLS and begins it anew, and can read all; both ends must say so")
	f.SortFlags = false
}

// check finds values that no limit can have among the flags that there are.
func (l *limits) check(f *pflag.FlagSet) (err error) {
	positive := []string{"window", "retention", "handshake-timeout", "heartbeat", "half-open", "bridges", "streams", "stream-buffer", "bridge-buffer", "process-buffer"}
	for _, name := range append(positive, "park", "park-poll", "park-retention") {
		flag := f.Lookup(name)
		if flag == nil {
			continue
		}
		text := flag.Value.String()
		switch zero := text == "0" || text == "0s"; {
		case strings.HasPrefix(text, "-"):
			return usagef("--%s: %s is negative", name, text)
		case zero && name[:4] != "park":
			return usagef("--%s: %s is not positive", name, text)
		}
	}
	if l.heartbeat < 100*time.Millisecond {
		return usagef("--heartbeat: %v is below 100ms", l.heartbeat)
	}
	return nil
}

// never replaces 0, which on the command line means never, by what means it in a configuration.
func never(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}

// config returns the configuration of an endpoint.
func (l *limits) config(log *slog.Logger) *tenuto.EndpointConfig {
	return &tenuto.EndpointConfig{
		Window:         l.window,
		Retention:      l.retention,
		Heartbeat:      l.heartbeat,
		Park:           l.park,
		ParkPoll:       never(l.parkPoll),
		ParkRetention:  never(l.parkRetention),
		HandshakeTime:  l.handshakeTimeout,
		AllowPlaintext: l.allowPlaintext,
		NoBinding:      l.noBinding,
		OSI:            l.osi,
		Limits: tenuto.Limits{HalfOpen: l.halfOpen, Bridges: l.bridges, Streams: l.streams, StreamBytes: int(l.streamBuffer),
			BridgeBytes: int64(l.bridgeBuffer), ProcessBytes: int64(l.processBuffer)},
		Logger: log,
		Events: func(e tenuto.Event) { logEvent(log, e) },
	}
}

// logEvent tells what an endpoint's own log does not: it tells of what is lost.
func logEvent(log *slog.Logger, e tenuto.Event) {
	switch e.Kind {
	case tenuto.Resumed:
		log.Info("resumed", "bridge", e.Bridge.ID(), "carrier", e.Carrier)
	case tenuto.Parked:
		log.Info("parked", "bridge", e.Bridge.ID(), "carrier", e.Carrier)
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
