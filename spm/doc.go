// Package spm is the session protocol machine of X.225 (ISO 8327-1): the standard's own state tables as data, and the engine
// that steps through them.
//
// A [Machine] is plain data. An event goes in by [Machine.Step]: a request or response of the SS-user, an SPDU received, an event
// of the transport, or the timer TIM. What is to be done comes out as a list of [Output] in the order in which to do it:
//
//	var m spm.Machine
//	m.Step(spm.Event{Kind: spm.SCONreq, Units: spdu.Duplex}) // out: TCONreq
//	m.Step(spm.Event{Kind: spm.TCONcnf, Expedited: true})    // out: CN
//	for _, o := range m.Drain() {
//		send(o) // the caller, who has the parameters and the octets, builds the SPDU
//	}
//
// The machine sees lengths and flags of user data, never the octets. It reads no clock, starts nothing and waits for nothing; it
// can be marshalled, restored, and go on.
//
// # The tables
//
// Each table of Annex A is one file with its rows as the fact sheet x225 prints them: events, states, predicates, actions and
// outputs are values under the standard's names. Corrections carry their label: C1 to C21 (x225 4.8), E1 to E16 (x225 4.11).
// testdata/table_S*.txt shows each table as the standard prints it. A cell that no table fills is an event too: invalid.go. What a user
// may do in a state that it cannot see is what it may do in the one that it sees: visible.go.
//
// That two machines with users who keep to the tables never draw a protocol error, and agree on numbers and tokens whenever nothing is on its
// way, is searched for exhaustively within bounds (TestSearch) and by random walks (TestWalks).
//
// # Methods
//
// Getters: State, Visible, Units, Tokens, Setting, Next, Serial, Activity, Discarding, Resynchronizing, Protected, Keeps, Expedited, Collision, Queued, Breach. Handler: Step. Outputs: Drain.
// Storage: MarshalBinary, UnmarshalBinary. A Machine is for one caller at a time.
//
// # Limitations
//
// Symmetric synchronize is not offered: its rows were not to be had. No machine sends ER. An activity is interrupted, not a capability exchange.
package spm
