package spdu

var kernelRows = []codecRow{{
	// x225 5.5 with the presentation part cut off.
	name: "CN as MMS clients send it",
	pdu: CN{ConnectItem: ConnectItem{Version: Version2}, Units: Duplex, Calling: []byte{0, 1}, Called: []byte{0, 1},
		UserData: []byte{0x31, 0x81, 0x99}},
	str: `CN(version=2, FU=FD, calling=0001, called=0001, data=3)`,
	hex: `0D 19             # SI CN, LI
		  05 06             # PGI connect/accept item
		    13 01 00        # PI protocol options: none
		    16 01 02        # PI version number: 2
		  14 02 00 02       # PI session user requirements: duplex
		  33 02 00 01       # PI calling session selector
		  34 02 00 01       # PI called session selector
		  C1 03 31 81 99    # PGI user data`,
}, {
	name: "CN with everything",
	pdu: CN{
		ID: ConnectionID{User: []byte("me"), Common: []byte("t1"), Additional: []byte{1}},
		ConnectItem: ConnectItem{ExtendedConcatenation: true, TSDUSize: TSDUSize{0x400, 0x1000}, Version: Version1 | Version2,
			Serial: Serial{1, true}, TokenSetting: 0x46, SecondSerial: Serial{999999, true}, UpperLimit: 6,
			LargeSerial: []byte{7}, LargeSecond: []byte{8}},
		Units: HalfDuplex | Duplex | MinorSync, Calling: []byte("a"), Called: []byte("postgres"), UserData: []byte("hi"),
	},
	str: `CN(ref="me", common="t1", additional=01, version=3, extconc, TSDU=1024/4096, sn=1, tokens=data:chooses,minor:responder,major:initiator,release:responder, sn2=999999, ` +
		`ulsn=6, large=07, large2=08, FU=HD+FD+SY, calling="a", called="postgres", data=2)`,
	hex: `0D 47                     # SI CN, LI
		  01 0B                     # PGI connection identifier
		    0A 02 6D 65             # PI calling SS-user reference
		    0B 02 74 31             # PI common reference
		    0C 01 01                # PI additional reference information
		  05 23                     # PGI connect/accept item
		    13 01 01                # PI protocol options: extended concatenation
		    15 04 04 00 10 00       # PI TSDU maximum size: to the responder, to the initiator
		    16 01 03                # PI version number: 1 and 2
		    17 01 31                # PI initial serial number
		    1A 01 46                # PI token setting item
		    37 06 39 39 39 39 39 39 # PI second initial serial number
		    38 01 06                # PI upper limit serial number
		    39 01 07                # PI large initial serial number
		    3A 01 08                # PI large second initial serial number
		  14 02 00 0B               # PI session user requirements
		  33 01 61                  # PI calling session selector
		  34 08 70 6F 73 74 67 72 65 73 # PI called session selector
		  C1 02 68 69               # PGI user data`,
}, {
	// x225 5.6 with the presentation part cut off.
	name: "AC as MMS servers send it",
	pdu: AC{ConnectItem: ConnectItem{Version: Version2}, Units: Duplex, Responding: []byte{0, 1},
		UserData: []byte{0x31, 0x74}},
	str: `AC(version=2, FU=FD, responding=0001, data=2)`,
	hex: `0E 14          # SI AC, LI
		  05 06          # PGI connect/accept item
		    13 01 00     # PI protocol options
		    16 01 02     # PI version number
		  14 02 00 02    # PI session user requirements
		  34 02 00 01    # PI responding session selector
		  C1 02 31 74    # PGI user data`,
}, {
	name: "AC with everything, first segment",
	pdu: AC{ID: ConnectionID{User: []byte("you")}, ConnectItem: ConnectItem{Version: Version2}, Tokens: DataToken | ReleaseToken,
		Units: HalfDuplex, Enclosure: First, Calling: []byte("a"), Responding: []byte("b"), UserData: []byte{1}},
	str: `AC(ref="you", version=2, please=data+release, FU=HD, calling="a", responding="b", enclosure=first, data=1)`,
	hex: `0E 22              # SI AC, LI
		  01 05              # PGI connection identifier
		    09 03 79 6F 75   # PI called SS-user reference
		  05 06 13 01 00 16 01 02 # PGI connect/accept item
		  10 01 41           # PI token item
		  14 02 00 01        # PI session user requirements
		  19 01 01           # PI enclosure item: beginning
		  33 01 61           # PI calling session selector
		  34 01 62           # PI responding session selector
		  C1 01 01           # PGI user data`,
}, {
	name: "AC, last segment",
	pdu:  AC{Enclosure: Last, UserData: []byte{2}},
	str:  `AC(enclosure=last, data=1)`,
	hex:  `0E 06 19 01 02 C1 01 02 # SI, LI, enclosure item: end, user data`,
}, {
	name: "OA", // x225 5.7
	pdu:  OA{Version: Version2},
	str:  `OA(version=2)`,
	hex:  `10 03 16 01 02`,
}, {
	name: "OA with sizes",
	pdu:  OA{Version: Version2, TSDUSize: TSDUSize{0, 512}},
	str:  `OA(version=2, TSDU=0/512)`,
	hex:  `10 09 15 04 00 00 02 00 16 01 02`,
}, {
	name: "CDO, one of several", // x225 5.7
	pdu:  CDO{Enclosure: Middle, UserData: []byte{1, 2}},
	str:  `CDO(enclosure=middle, data=2)`,
	hex:  `0F 07 19 01 00 C1 02 01 02`,
}, {
	name: "CDO, the last",
	pdu:  CDO{Enclosure: Last, UserData: []byte{3}},
	str:  `CDO(enclosure=last, data=1)`,
	hex:  `0F 06 19 01 02 C1 01 03`,
}, {
	name: "RF, versions not supported",
	pdu:  RF{Reason: RefusedVersions},
	str:  `RF(released, reason=132)`,
	hex:  `0C 06 11 01 01 32 01 84`, // x225 5.7
}, {
	name: "RF with everything",
	pdu: RF{ID: ConnectionID{User: []byte("u"), Common: []byte("c"), Additional: []byte{9}}, Keep: true, Units: Duplex, HasUnits: true,
		Version: Version1, Enclosure: Only, Reason: RefusedWithData, UserData: []byte("no")},
	str: `RF(ref="u", common="c", additional=09, keep, FU=FD, version=1, reason=2, enclosure=only, data=2)`,
	hex: `0C 1D           # SI RF, LI
		  01 09 09 01 75 0B 01 63 0C 01 09 # PGI connection identifier
		  11 01 00        # PI transport disconnect: kept
		  14 02 00 02     # PI session user requirements
		  16 01 01        # PI version number
		  19 01 03        # PI enclosure item
		  32 03 02 6E 6F  # PI reason code: user data follow`,
}, {
	name: "RF, last segment",
	pdu:  RF{Enclosure: Last, UserData: []byte{7}},
	str:  `RF(enclosure=last, data=1)`,
	hex:  `0C 06 19 01 02 32 01 07`,
}, {
	name: "FN",
	pdu:  FN{UserData: []byte{1}},
	str:  `FN(released, data=1)`,
	hex:  `09 06 11 01 01 C1 01 01 # SI, LI, PI transport disconnect: released, PGI user data`,
}, {
	name: "FN that keeps the transport connection, first segment",
	pdu:  FN{Keep: true, Enclosure: First},
	str:  `FN(keep, enclosure=first)`,
	hex:  `09 06 11 01 00 19 01 01`,
}, {
	name: "DN",
	pdu:  DN{UserData: []byte("bye")},
	str:  `DN(data=3)`,
	hex:  `0A 05 C1 03 62 79 65`,
}, {
	name: "DN, empty",
	pdu:  DN{},
	str:  `DN()`,
	hex:  `0A 00`,
}, {
	name: "NF",
	pdu:  NF{UserData: []byte{1}},
	str:  `NF(data=1)`,
	hex:  `08 03 C1 01 01`,
}, {
	name: "NF, last segment",
	pdu:  NF{Enclosure: Last, UserData: []byte{1}},
	str:  `NF(enclosure=last, data=1)`,
	hex:  `08 06 19 01 02 C1 01 01`,
}, {
	name: "AB of the user", // as 61850 sends it, x225 5.7
	pdu:  AB{Reason: UserAbort | NoReason, UserData: []byte{1, 2}},
	str:  `AB(released, user abort, no reason, data=2)`,
	hex:  `19 07 11 01 0B C1 02 01 02`,
}, {
	name: "AB of the provider", // x225 5.7
	pdu:  AB{Reason: ProtocolErrorAbort},
	str:  `AB(released, protocol error)`,
	hex:  `19 03 11 01 05`,
}, {
	name: "AB with everything",
	pdu:  AB{Keep: true, Reason: ProtocolErrorAbort | ImplementationRestriction, Enclosure: First, Reflect: []byte{0xff, 0}, UserData: []byte{1}},
	str:  `AB(keep, protocol error, implementation restriction, reflect=ff00, enclosure=first, data=1)`,
	hex:  `19 0D 11 01 14 19 01 01 31 02 FF 00 C1 01 01`,
}, {
	name: "AB, middle segment",
	pdu:  AB{Enclosure: Middle, UserData: []byte{1}},
	str:  `AB(enclosure=middle, data=1)`,
	hex:  `19 06 19 01 00 C1 01 01`,
}, {
	name: "AA", // x225 5.7
	pdu:  AA{},
	str:  `AA()`,
	hex:  `1A 00`,
}, {
	name: "PR before AB",
	pdu:  PR{PrepareAB},
	str:  `PR(AB)`,
	hex:  `07 03 18 01 04`,
}, {
	name: "PR before RS", // x225 5.7
	pdu:  PR{PrepareRS},
	str:  `PR(RS)`,
	hex:  `07 03 18 01 02`,
}}
