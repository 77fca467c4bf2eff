// Package durable sends activities that survive a crash of either side: the sender can rewind, the receiver commits, and both know after a failure up
// to where the work is done.
//
//	snd := &durable.Sender{Dial: dial, Store: store}
//	err := snd.Send(ctx, durable.Outgoing{ID: "job001", Source: src}) // begins the activity, or goes on with it
//
//	srv := &durable.Server{Receiver: receiver}
//	err := srv.Serve(ctx, listener)
//
// An activity is a sequence of octets with synchronization points in it. The receiver makes the octets before a point durable together with the point,
// and only then confirms it. What was committed is neither sent nor written again, whatever happens to the session, the processes or the machines:
// Send dials again and resumes the activity (S-ACTIVITY-RESUME), and the receiver sets both to its own next point (S-RESYNCHRONIZE). The shape is that of
// reliable transfer (X.218, X.228). docs/wire/durable.md describes what goes over the session.
//
// # Cancellation
//
// When its context ends Send interrupts the activity, in the session too, and returns; the next Send, in this process or another, goes on. A Source's
// Read that has begun is waited for.
//
// # Limitations
//
// An activity goes one way. It has less than tenuto.MaxSerial points, which Send keeps to by distances that grow; a Source that asks for more is refused.
package durable
