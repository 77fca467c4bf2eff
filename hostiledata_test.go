package tenuto

import (
	"testing"

	"github.com/tenuto-session/tenuto/spdu"
)

const aborted = "tenuto: session aborted by provider (here): protocol error: "

// TestHostileData: what a connected peer says against the rules draws AB with the first octets of the SPDU that is wrong, and the user hears what it
// was, at which octet, and what it breaks.
func TestHostileData(t *testing.T) {
	const dialogue = HalfDuplex | MinorSync | MajorSync | Resync | TypedData
	for _, row := range []struct {
		name  string
		units Units // Duplex if 0
		v1    bool
		says  string
		hears string
		err   string
	}{
		// Lengths.
		{"LI of a parameter", 0, false, "0A 03 C1 02 01", "19 0A 11 01 05 31 05 0A 03 C1 02 01",
			"spdu: parse DN: PGI 193 (user data): LI 2 exceeds the 1 octets there are, at octet 2 (x225 2.1)"},
		{"LI beyond the TSDU", 0, false, "0A 04 C1", "19 08 11 01 05 31 03 0A 04 C1",
			"spdu: parse DN: LI 4 exceeds the 1 octets there are, at octet 0 (x225 2.1)"},
		{"LI of DT beyond the TSDU", 0, false, "01 00 01 05 19", "19 08 11 01 05 31 03 01 05 19",
			"spdu: parse DT: LI 5 exceeds the 1 octets there are, at octet 2 (x225 2.1)"},
		{"LI of a group", dialogue | Activity, false, "01 00 1D 07 21 03 29 05 41 29 00", "19 0E 11 01 05 31 09 1D 07 21 03 29 05 41 29 00",
			"spdu: parse AR: PI 41 (activity identifier): LI 5 exceeds the 1 octets there are, at octet 6 (x225 2.1)"},
		{"no LI", dialogue, false, "01 00 31", "19 06 11 01 05 31 01 31",
			"spdu: parse MIP: no LI, at octet 2 (x225 2.1)"},
		{"octets behind DN", 0, false, "0A 00 61 62 63", "19 0A 11 01 05 31 05 0A 00 61 62 63",
			"spdu: parse TSDU: 3 octets after DN(), at octet 2 (x225 3.2)"},
		{"length of a value", dialogue, false, "01 00 31 06 0F 02 00 00 2A 00", "19 0D 11 01 05 31 08 31 06 0F 02 00 00 2A 00",
			"spdu: parse MIP: PI 15 (sync type item): length 2 is not 1, at octet 4 (x225 2.4)"},
		// Parameters.
		{"duplicate", dialogue, false, "01 00 31 06 2A 01 31 2A 01 32", "19 0D 11 01 05 31 08 31 06 2A 01 31 2A 01 32",
			"spdu: parse MIP: PI 42 (serial number): occurs twice, at octet 7 (x225 2.1)"},
		{"misplaced", dialogue, false, "01 00 31 06 29 01 31 2A 01 32", "19 0D 11 01 05 31 08 31 06 29 01 31 2A 01 32",
			"spdu: parse MIP: PI 41 (activity identifier): not a parameter of this SPDU, at octet 4 (x225 2.5)"},
		{"misplaced in FN", 0, false, "09 03 10 01 01", "19 0A 11 01 05 31 05 09 03 10 01 01",
			"spdu: parse FN: PI 16 (token item): not a parameter of this SPDU, at octet 2 (x225 2.5)"},
		{"missing", dialogue, false, "01 00 31 00", "19 07 11 01 05 31 02 31 00",
			"spdu: parse MIP: PI 42 (serial number): missing, at octet 2 (x225 2.5)"},
		{"missing in AB", 0, false, "19 00", "19 07 11 01 05 31 02 19 00",
			"spdu: parse AB: PI 17 (transport disconnect): missing, at octet 0 (x225 2.5)"},
		{"missing group", dialogue | Activity, false, "01 00 1D 04 29 02 41 32", "19 0B 11 01 05 31 06 1D 04 29 02 41 32",
			"spdu: parse AR: PGI 33 (linking information): missing, at octet 2 (x225 2.5)"},
		{"value", dialogue, false, "01 00 35 06 1B 01 03 2A 01 31", "19 0D 11 01 05 31 08 35 06 1B 01 03 2A 01 31",
			"spdu: parse RS: PI 27 (resync type): type 3, at octet 4 (x225 2.7)"},
		{"digit", dialogue, false, "01 00 31 03 2A 01 41", "19 0A 11 01 05 31 05 31 03 2A 01 41",
			"spdu: parse MIP: PI 42 (serial number): octet 0x41 is not a digit, at octet 4 (x225 2.8)"},
		{"seven digits", dialogue, false, "01 00 31 09 2A 07 31 31 31 31 31 31 31", "19 0E 11 01 05 31 09 31 09 2A 07 31 31 31 31 31",
			"spdu: parse MIP: PI 42 (serial number): length 7 exceeds 6, at octet 4 (x225 2.8)"},
		// SPDUs and how they are put together.
		{"unknown SPDU", 0, false, "03 00", "19 07 11 01 05 31 02 03 00",
			"spdu: parse TSDU: SI 3: unknown, at octet 0 (x225 2.2)"},
		{"short SPDU", 0, false, "E8", "19 06 11 01 05 31 01 E8",
			"spdu: parse TSDU: SI 232: short SPDUs and null encoding are not done, at octet 0 (x225 2.2)"},
		{"UNIT DATA", 0, false, "40 00", "19 07 11 01 05 31 02 40 00",
			"spdu: parse TSDU: SI 64: UNIT DATA, of the connectionless protocol, at octet 0 (x225 2.2)"},
		{"MIP alone", dialogue, false, "31 03 2A 01 31", "19 0A 11 01 05 31 05 31 03 2A 01 31",
			"spdu: parse MIP: SI 49: not after GT or PT, at octet 0 (x225 2.2)"},
		{"DT behind FN", 0, false, "09 00 01 00 61", "19 0A 11 01 05 31 05 09 00 01 00 61",
			"spdu: parse TSDU: 3 octets after FN(released), at octet 2 (x225 3.2)"},
		{"two DN", 0, false, "0A 00 0A 00", "19 09 11 01 05 31 04 0A 00 0A 00",
			"spdu: parse TSDU: 2 octets after DN(), at octet 2 (x225 3.2)"},
		{"FN behind GT", 0, false, "01 00 09 00", "19 07 11 01 05 31 02 09 00",
			"spdu: parse FN: SI 9: after GT or PT, at octet 2 (x225 2.2)"},
		{"MIA behind GT", dialogue, false, "01 00 32 03 2A 01 31", "19 0A 11 01 05 31 05 32 03 2A 01 31",
			"spdu: parse MIA: after GT, at octet 2 (x225 3.2)"},
		{"MIP behind PT", dialogue, false, "02 00 31 03 2A 01 31", "19 0A 11 01 05 31 05 31 03 2A 01 31",
			"spdu: parse MIP: after PT, at octet 2 (x225 3.2)"},
		{"extended concatenation", dialogue, false, "01 00 31 03 2A 01 31 31 03 2A 01 32", "19 0A 11 01 05 31 05 31 03 2A 01 32",
			"spdu: parse TSDU: extended concatenation, which was not agreed, at octet 7 (x225 3.2)"},
		{"extended concatenation with data", dialogue, false, "01 00 31 03 2A 01 31 01 00 61", "19 07 11 01 05 31 02 01 00",
			"spdu: parse TSDU: extended concatenation, which was not agreed, at octet 7 (x225 3.2)"},
		// Serial numbers.
		{"number too high", dialogue, false, "01 00 31 03 2A 01 37", "19 0A 11 01 05 31 05 31 03 2A 01 37",
			"spdu: MIP: PI 42 (serial number): serial number 7 is not the next one, 1, in state 713, at octet 4 (X.225 Annex A)"},
		{"number used", dialogue, false, "01 00 31 03 2A 01 31; 01 00 31 03 2A 01 31", "19 0A 11 01 05 31 05 31 03 2A 01 31",
			"spdu: MIP: PI 42 (serial number): serial number 1 is not the next one, 2, in state 713, at octet 4 (X.225 Annex A)"},
		{"major number too low", dialogue, false, "01 00 29 06 0F 01 01 2A 01 30", "19 0D 11 01 05 31 08 29 06 0F 01 01 2A 01 30",
			"spdu: MAP: PI 42 (serial number): serial number 0 is not the next one, 1, in state 713, at octet 7 (X.225 Annex A)"},
		{"confirmation of nothing", dialogue, false, "02 00 32 03 2A 01 31", "19 0A 11 01 05 31 05 32 03 2A 01 31",
			"spdu: MIA: PI 42 (serial number): serial number 1 waits for no confirmation, in state 713, at octet 4 (X.225 Annex A)"},
		// What the state does not allow.
		{"token given away", HalfDuplex, false, "01 03 10 01 01; 01 00 01 00 61", "19 07 11 01 05 31 02 01 00",
			"spdu: DT: the data token is here, in state 713, at octet 2 (X.225 Annex A)"},
		{"unit not selected", 0, false, "21 00 61", "19 07 11 01 05 31 02 21 00",
			"spdu: TD: functional unit TD is not selected, in state 713, at octet 0 (X.225 Annex A)"},
		{"no activities", dialogue, false, "01 00 2D 02 29 00", "19 09 11 01 05 31 04 2D 02 29 00",
			"spdu: AS: functional unit ACT is not selected, in state 713, at octet 2 (X.225 Annex A)"},
		{"no exceptions", dialogue, false, "02 00 30 03 32 01 00", "19 0A 11 01 05 31 05 30 03 32 01 00",
			"spdu: ED: functional unit EXCEP is not selected, in state 713, at octet 2 (X.225 Annex A)"},
		{"AC again", 0, false, "0E 0C 05 06 13 01 00 16 01 02 14 02 00 02", "19 0E 11 01 05 31 09 0E 0C 05 06 13 01 00 16 01",
			"spdu: AC: not allowed in state 713, at octet 0 (X.225 Annex A)"},
		{"CN again", 0, false, "0D 0C 05 06 13 01 00 16 01 02 14 02 00 02", "19 0E 11 01 05 31 09 0D 0C 05 06 13 01 00 16 01",
			"spdu: CN: not allowed in state 713, at octet 0 (X.225 Annex A)"},
		{"RF", 0, false, "0C 00", "19 07 11 01 05 31 02 0C 00",
			"spdu: RF: not allowed in state 713, at octet 0 (X.225 Annex A)"},
		{"DN without FN", 0, false, "0A 00", "19 07 11 01 05 31 02 0A 00",
			"spdu: DN: not allowed in state 713, at octet 0 (X.225 Annex A)"},
		{"NF without FN", 0, false, "08 00", "19 07 11 01 05 31 02 08 00",
			"spdu: NF: not allowed in state 713, at octet 0 (X.225 Annex A)"},
		{"GTA without GTC", dialogue, false, "16 00", "19 07 11 01 05 31 02 16 00",
			"spdu: GTA: not allowed in state 713, at octet 0 (X.225 Annex A)"},
		{"RA without RS", dialogue, false, "02 00 22 03 2A 01 31", "19 0A 11 01 05 31 05 22 03 2A 01 31",
			"spdu: RA: not allowed in state 713, at octet 2 (X.225 Annex A)"},
		{"MAA without MAP", dialogue, false, "02 00 2A 03 2A 01 31", "19 0A 11 01 05 31 05 2A 03 2A 01 31",
			"spdu: MAA: not allowed in state 713, at octet 2 (X.225 Annex A)"},
		{"OA", 0, false, "10 03 16 01 02", "19 0A 11 01 05 31 05 10 03 16 01 02",
			"spdu: OA: not allowed in state 713, at octet 0 (X.225 Annex A)"},
		{"CDO", 0, false, "0F 06 19 01 02 C1 01 61", "19 0D 11 01 05 31 08 0F 06 19 01 02 C1 01 61",
			"spdu: parse CDO: PI 25 (enclosure item): last segment without a first, at octet 2 (X.225 7.37.1)"},
		{"AA", 0, false, "1A 00", "19 07 11 01 05 31 02 1A 00",
			"spdu: AA: not allowed in state 713, at octet 0 (X.225 Annex A)"},
		{"GT of what is not there", 0, false, "01 03 10 01 01", "19 0A 11 01 05 31 05 01 03 10 01 01",
			"spdu: GT: there is no data token, in state 713, at octet 0 (X.225 Annex A)"},
		{"PT of what is not there", 0, false, "02 03 10 01 01", "19 0A 11 01 05 31 05 02 03 10 01 01",
			"spdu: PT: there is no data token, in state 713, at octet 0 (X.225 Annex A)"},
		{"GT of it behind DT", 0, false, "01 03 10 01 01 01 00 61", "19 0C 11 01 05 31 07 01 03 10 01 01 01 00",
			"spdu: GT: there is no data token, in state 713, at octet 0 (X.225 Annex A)"},
		// Flows.
		{"EX on the normal flow", 0, false, "05 00 61", "19 08 11 01 05 31 03 05 00 61",
			"spdu: EX: on the normal flow, at octet 0 (x225 3.1)"},
		{"PREPARE on the normal flow", 0, false, "07 03 18 01 04", "19 0A 11 01 05 31 05 07 03 18 01 04",
			"spdu: PR: on the normal flow, at octet 0 (x225 3.1)"},
		// Segments and user data.
		{"segments of DT", 0, false, "01 00 01 03 19 01 00 61", "19 0A 11 01 05 31 05 01 03 19 01 00",
			"spdu: DT: PI 25 (enclosure item): segments of an SSDU out of order, at octet 4 (x225 2.10)"},
		{"segments of TD", dialogue, false, "21 03 19 01 02 61", "19 0A 11 01 05 31 05 21 03 19 01 02",
			"spdu: TD: PI 25 (enclosure item): segments of an SSDU out of order, at octet 2 (x225 2.10)"},
		{"segments of FN", 0, false, "09 03 19 01 01; 0A 00", "19 07 11 01 05 31 02 0A 00",
			"spdu: parse DN: PI 25 (enclosure item): none segment within a FN, at octet 0 (X.225 7.37.1)"},
		{"last segment first", 0, false, "09 03 19 01 02", "19 0A 11 01 05 31 05 09 03 19 01 02",
			"spdu: parse FN: PI 25 (enclosure item): last segment without a first, at octet 2 (X.225 7.37.1)"},
		{"segments in version 1", 0, true, "09 03 19 01 01", "19 0A 11 01 05 31 05 09 03 19 01 01",
			"spdu: parse FN: PI 25 (enclosure item): in version 1, at octet 2 (x225 2.5)"},
		{"user data of GT in version 1", dialogue, true, "01 07 10 01 01 C1 02 01 02", "19 0E 11 01 05 31 09 01 07 10 01 01 C1 02 01 02",
			"spdu: parse GT: PGI 193 (user data): length 2 exceeds 0, at octet 5 (x225 2.10)"},
		{"user data in version 1", 0, true, "09 FF 02 05 C1 FF 02 01 61{513}", "19 0E 11 01 05 31 09 09 FF 02 05 C1 FF 02 01 61",
			"spdu: parse FN: PGI 193 (user data): length 513 exceeds 512, at octet 4 (x225 2.10)"},
		{"user data of EX", 0, false, "05 00 61{15}", "19 0E 11 01 05 31 09 05 00 61 61 61 61 61 61 61",
			"spdu: parse EX: user information of 15 octets is not 1 to 14, at octet 0 (x225 2.10)"},
		{"user data of AB", 0, false, "19 FF 28 08 11 01 03 C1 FF 28 01 61{10241}", "19 0E 11 01 05 31 09 19 FF 28 08 11 01 03 C1 FF",
			"spdu: parse AB: PGI 193 (user data): length 10241 exceeds 10240, at octet 7 (x225 2.10)"},
	} {
		for name := range hostiles {
			t.Run(row.name+"/"+name, func(t *testing.T) {
				h, tc := meet(t, name, true)
				units, version := row.units, Version2
				if units == 0 {
					units = Duplex
				}
				if row.v1 {
					version = Version1
				}
				h.says(cn(t, func(p *spdu.CN) {
					p.Version, p.Units = version, units
					p.Serial = spdu.Serial{N: 1, Present: numbered(units)}
				}))
				in, err := readConnect(h.c, tc, &Config{Units: allUnits})
				try(t, err, "the S-CONNECT indication")
				s, err := in.Accept(bg, &Config{Units: allUnits})
				try(t, err, "Accept")
				h.hears() // AC
				h.says(row.says)
				for err == nil {
					_, err = s.Receive(h.c)
				}
				if err.Error() != aborted+row.err {
					t.Errorf("the user hears\n     %v\nwant %s", err, aborted+row.err)
				}
				h.ends(row.hears)
			})
		}
	}
}

// TestHostileSizes: what is too large for this implementation, though X.225 sets no limit, draws AB with implementation restriction.
func TestHostileSizes(t *testing.T) {
	for name, row := range map[string]struct{ says, err string }{
		"segments of FN": {"09 FF FD EF 19 01 01 C1 FF FD E8 61{65000}; 09 FF FD EF 19 01 00 C1 FF FD E8 61{65000}",
			"spdu: parse FN: PGI 193 (user data): more than 65536 octets, at octet 7 (x225 2.10)"},
		"a TSDU without an end": {"0A 00 61{140000}", "spdu: parse TSDU: more than 131078 octets, at octet 0 (x225 2.1)"},
	} {
		for over := range hostiles {
			t.Run(name+"/"+over, func(t *testing.T) {
				h, tc := meet(t, over, true)
				h.says(cn(t, nil))
				in, err := readConnect(h.c, tc, nil)
				try(t, err, "the S-CONNECT indication")
				s, err := in.Accept(bg, nil)
				try(t, err, "Accept")
				h.hears() // AC
				said := make(chan bool)
				go func() {
					defer close(said)
					h.says(row.says)
				}()
				if _, err = s.Receive(h.c); err == nil || err.Error() != "tenuto: session aborted by provider (here): implementation restriction: "+row.err {
					t.Errorf("the user hears %v", err)
				}
				<-said
				h.ends("19 03 11 01 11")
			})
		}
	}
}
