// Package spdu holds the session protocol data units of X.225 (ISO 8327-1): their types, their encoding and their notation.
//
// An SPDU is an identifier (SI), a length (LI) and parameters, which are groups (PGI) and units (PI). A TSDU holds one SPDU of
// category 1, or one of category 0 and those of category 2 that follow it; the same SI means another SPDU there.
//
//	b, err := spdu.FN{UserData: data}.AppendBinary(nil)  // 09 LI 11 01 01 C1 LI …
//	pdus, rest, err := spdu.Parse(tsdu)                  // [GT() DT()], rest is DT's user information
//	log.Print(pdus[0])                                   // GT()
//
// The user information of DT and TD has no length: it goes on to the end of the TSDU and may be larger than memory. So DT and TD are
// only the head before it, and [Need] tells how many octets of a TSDU make up that head.
//
// Append never keeps b. What Parse returns aliases b.
//
// References of the form "x225 2.5" are to sections of the fact sheet x225, which names the sources for each statement.
//
// # Strictness
//
// What is sent follows the standard to the letter. What is received may differ where this package says so and tests it:
// a long LI for a short length, units in any order, units that X.225 does not define, reserved bits, reserved reasons, a CN without
// the Connect/Accept Item, PT before DT, AE with a sync type item that says so, and an AB of version 1 with more than 9 octets of user
// data.
//
// # Limitations
//
// The parameters of symmetric synchronize are parsed, shown and sent, but this package knows no rules for them. Short SPDUs, null
// encoding (X.225 Amd.1, Amd.2) and the connectionless protocol's UNIT DATA are refused.
package spdu
