// Package relay joins two sessions: what the user of one asks for is indicated to the user of the other, primitive by primitive, as if there
// were one session between them. So an OSI session crosses a bridge, and comes out of it as one.
//
//	r := &relay.Relay{Dial: func(ctx context.Context, _ *tenuto.Incoming, cfg *tenuto.Config) (*tenuto.Session, error) {
//		return ep.Dial(ctx, "osi://plc/?tsel=0x0001", cfg)
//	}}
//	err := r.Serve(ctx, listener)
//
// # What is proposed
//
// When a peer asks for a session (the near one), the relay asks for another (the far one) with what that peer proposed: versions, functional units,
// numbers, tokens, TSDU maximum sizes, references and user data. It accepts the near session with what the
// far peer selected, or refuses it with the far peer's reason and user data.
//
// # What is passed on
//
// Every indication and confirm becomes the request or response of the same service. SSDUs are passed on in the parts in which they come: none is
// held whole, and who reads slowly slows the other end down. What withdraws what was sent before (resynchronization, interrupt, discard, abort) does not
// wait behind it where there is an expedited flow.
//
// Two users at the ends of a relay can cross each other as those of one session can, and somewhere more: what one asked for before it heard of the
// other's is passed on late. spm's table R says what then happens; what a collision has decided against is dropped.
//
// # The end
//
// A release is passed on as one, with its refusal. The abort by a user is one at the far end, with its user data; what else ends a session ends the
// other as an abort by the provider. When ctx ends, sessions are aborted.
package relay
