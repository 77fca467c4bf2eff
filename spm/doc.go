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
// testdata/table_S*.txt shows each table as the standard prints it. A cell that no table fills is an event too: invalid.go.
//
// # Methods
//
// Getters: State, Units, Expedited. Handler: Step. Outputs: Drain. Storage: MarshalBinary, UnmarshalBinary. A Machine is for one
// caller at a time.
//
// # Limitations
//
// The tables hold the rows of the kernel and duplex units; rows of states that belong to other units are kept as printed. GT and PT
// with tokens, and the SPDUs of the other units, are the event Invalid.
package spm
