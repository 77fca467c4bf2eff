// Package dissect shows what packets of RFC 1006 hold: their TPDUs, the TSDUs in these, the SPDUs in those, and what is wrong with any of
// them. It reads octets, octets as text, and captures.
//
//	result, err := dissect.Run(ctx, file, os.Stdout, dissect.Options{Ports: []uint16{dissect.DefaultPort}, Data: 32})
//
// From the outside in: capture.go and tcp.go find the octets of connections in a capture, hex.go those in text; flow.go finds the
// packets in what a side has sent, tsdu.go gathers TSDUs from them, decode.go has package spdu parse these; session.go knows what went
// before. Each piece is handed on as a [Unit], which text.go and json.go write.
//
// Octets stream through: of a TSDU no more is held than its SPDUs and what is to be shown of user information.
package dissect
