// Package group combines the streams of one application and synchronizes them at the destination before they go up: sound and picture, sensors, several
// views of one feed.
//
//	snd, err := group.NewSender(&group.SenderConfig{Group: id, Rate: group.Rate{Num: 90000, Den: 1}})
//	sound, err := snd.Join(ctx, dial, group.Member{Stream: 0, Name: "sound", Essential: true})
//	err = sound.Send(ctx, t, samples) // a unit, which has a time
//	err = sound.Mark(ctx, t)          // nothing before t follows
//
//	rcv, err := group.NewReceiver(&group.ReceiverConfig{Group: id, Rate: group.Rate{Num: 90000, Den: 1}, Delay: 100 * time.Millisecond})
//	go rcv.Serve(ctx, listener)
//	u, err := rcv.Next(ctx) // the next unit of all streams, when it is due
//
// Each stream is a session. The sessions of a group may share a bridge, or come over several carriers and bridges between the same endpoints: the
// group's identifier, agreed on when a session is connected, holds them together. A mark is S-SYNC-MINOR with a time. A stream that falls behind the
// group's clock by more than MaxSkew is resynchronized (S-RESYNCHRONIZE, set) to a later time: what the sender is sending is cut, what is on its way is
// purged at both ends and between them, and Member.Seek is asked where the stream can go on. Receiver.SeekTo does so with all streams, forward and
// back. A transmission is an activity, which Stream.Pause interrupts. docs/wire/group.md describes what goes over the sessions; package playout is the
// receiver's machine, and explains its clock.
//
// # Cancellation
//
// A cancelled context ends the call. A unit whose Send was cancelled may arrive all the same.
//
// # Limitations
//
// Units go one way, from who dials. Drift between the clocks of sender and receiver is measured and reported (StreamStats.Drift), not corrected. The streams of
// a group have one unit of time.
package group
