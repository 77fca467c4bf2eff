// Package tenuto is a session layer: the session service of X.215 in Go. A session is a dialogue between two applications that
// outlives the transport connections which carry it, and ends in an orderly way.
//
//	s, err := tenuto.Dial(ctx, "tenuto+tcp://localhost:7225/postgres", nil)
//	if err != nil {
//		return err
//	}
//	conn := s.Conn() // a net.Conn, for every program that wants octets
//	defer conn.Close()
//
// A [Session] has the primitives of the standard: requests return once the transport has taken them, and every indication and
// confirm comes from Receive. Its [Conn] is the same session as a stream.
//
// # Cancellation
//
// Cancelling a context ends the call and not the session. A cancel, a deadline and Close take effect within 10 ms, whatever the
// transport does.
//
// # Limitations
//
// All functional units of X.225 (11/95) are here but symmetric synchronize; docs/conformance/x225.txt has the details.
package tenuto
