// Package endpoint drives bridges: it moves octets between the streams of package bridge's machines and carriers, keeps the time,
// and owns every goroutine.
//
//	ep := endpoint.New(endpoint.Config{Key: key, Carriers: []carrier.Network{&tcp.Network{}}})
//	br, err := ep.Dial(ctx, url)     // the bridge that all who dial this host share
//	s, err := br.Open()              // a stream: a transport.Conn
//	n, err := s.Send(ctx, nil, b, transport.End)
//
// # Who reads and who writes
//
// A goroutine hand-over costs about as much as a round trip on loopback, so callers do the work themselves. A caller that waits
// for something from the peer leads: it reads the carrier, handles what comes for all streams, and gets large payloads
// straight into its buffer. A caller that sends copies into the stream's ring and writes from the ring to the carrier, which
// never waits: what the carrier does not take is left to a goroutine that lives as long as there is something to write. Each
// carrier has one goroutine that reads when no caller has for a moment. A stream has none, nor has a bridge without a carrier.
//
// # Locks
//
// One mutex per bridge guards its machine, its streams and its current carrier; it is never held across I/O or a callback: what
// must happen without it is queued and runs when it is freed. The endpoint's and the timers' mutexes are taken for a
// few instructions and never hold another.
//
// # Cancellation
//
// transport.Conn says how waiting calls are cancelled. A cancelled leader interrupts its read; the carrier stays whole.
//
// # Limitations
//
// A bridge has one carrier at a time.
package endpoint
