package spdu

var syncRows = []codecRow{{
	name: "MIP, explicit", // x225 5.7
	pdu:  MIP{Serial: 6},
	str:  `MIP(explicit, serial=6)`,
	hex:  `31 03 2A 01 36 # SI, LI, PI serial number "6"`,
}, {
	name: "MIP with everything",
	pdu:  MIP{Type: Optional, DataSeparation: true, Serial: 999999, Enclosure: First, UserData: []byte{1}},
	str:  `MIP(optional, separation, serial=999999, enclosure=first, data=1)`,
	hex: `31 11                        # SI MIP, LI
		  0F 01 03                     # PI sync type item: explicit confirmation not required, data separation
		  19 01 01                     # PI enclosure item: beginning
		  2A 06 39 39 39 39 39 39      # PI serial number
		  C1 01 01                     # PGI user data`,
}, {
	name: "MIP, last segment",
	pdu:  MIP{Enclosure: Last, UserData: []byte{1}},
	str:  `MIP(enclosure=last, data=1)`,
	hex:  `31 06 19 01 02 C1 01 01`,
}, {
	name: "MIA", // x225 5.7
	pdu:  MIA{Serial: 5},
	str:  `MIA(serial=5)`,
	hex:  `32 03 2A 01 35`,
}, {
	name: "MIA with everything: user data are a PI",
	pdu:  MIA{Serial: 10, Enclosure: Only, UserData: []byte{1, 2}},
	str:  `MIA(serial=10, enclosure=only, data=2)`,
	hex:  `32 0B 19 01 03 2A 02 31 30 2E 02 01 02 # SI, LI, PI enclosure item, PI serial number, PI user data`,
}, {
	name: "MAP",
	pdu:  MAP{Serial: 0},
	str:  `MAP(serial=0)`,
	hex:  `29 06 0F 01 01 2A 01 30 # SI, LI, PI sync type item: the activity does not end, PI serial number`,
}, {
	name: "MAP with everything",
	pdu:  MAP{Serial: 12, Second: Serial{34, true}, Enclosure: First, UserData: []byte{1}},
	str:  `MAP(serial=12, serial2=34, enclosure=first, data=1)`,
	hex: `29 11          # SI MAP, LI
		  0F 01 01       # PI sync type item
		  19 01 01       # PI enclosure item
		  2A 02 31 32    # PI serial number
		  36 02 33 34    # PI second serial number
		  C1 01 01       # PGI user data`,
}, {
	name: "MAP, last segment",
	pdu:  MAP{Enclosure: Last, UserData: []byte{1}},
	str:  `MAP(enclosure=last, data=1)`,
	hex:  `29 06 19 01 02 C1 01 01`,
}, {
	name: "MAA, and AEA",
	pdu:  MAA{Serial: 3, UserData: []byte{1}},
	str:  `MAA(serial=3, data=1)`,
	hex:  `2A 06 2A 01 33 C1 01 01`,
}, {
	name: "MAA of symmetric synchronize",
	pdu:  MAA{Serial: 3, Second: Serial{0, true}},
	str:  `MAA(serial=3, serial2=0)`,
	hex:  `2A 06 2A 01 33 36 01 30`,
}, {
	name: "RS that abandons",
	pdu:  RS{Type: Abandon, Serial: 7},
	str:  `RS(abandon, serial=7)`,
	hex:  `35 06 1B 01 01 2A 01 37 # SI, LI, PI resync type, PI serial number`,
}, {
	name: "RS with all tokens at the initiator",
	pdu:  RS{Type: Set, Serial: 7, HasTokens: true},
	str:  `RS(set, serial=7, tokens=all:initiator)`,
	hex:  `35 09 1A 01 00 1B 01 02 2A 01 37`,
}, {
	name: "RS with everything",
	pdu: RS{Type: Restart, Serial: 7, Tokens: TokenSetting(0).With(MinorToken, CalledChooses).With(ReleaseToken, AtResponder), HasTokens: true,
		SecondType: Set, HasSecondType: true, Second: Serial{8, true}, Enclosure: First, UserData: []byte{1}},
	str: `RS(restart, serial=7, tokens=data:initiator,minor:chooses,major:initiator,release:responder, type2=set, serial2=8, enclosure=first, data=1)`,
	hex: `35 15          # SI RS, LI
		  19 01 01       # PI enclosure item
		  1A 01 48       # PI token setting item
		  1B 01 00       # PI resync type: restart
		  2A 01 37       # PI serial number
		  35 01 02       # PI second resync type: set
		  36 01 38       # PI second serial number
		  C1 01 01       # PGI user data`,
}, {
	name: "RS, last segment",
	pdu:  RS{Enclosure: Last, UserData: []byte{1}},
	str:  `RS(enclosure=last, data=1)`,
	hex:  `35 06 19 01 02 C1 01 01`,
}, {
	name: "RA",
	pdu:  RA{Serial: 7},
	str:  `RA(serial=7)`,
	hex:  `22 03 2A 01 37`,
}, {
	name: "RA with everything",
	pdu:  RA{Serial: 7, Tokens: 0x55, HasTokens: true, Second: Serial{8, true}, Enclosure: Only, UserData: []byte{1}},
	str:  `RA(serial=7, tokens=all:responder, serial2=8, enclosure=only, data=1)`,
	hex:  `22 0F 19 01 03 1A 01 55 2A 01 37 36 01 38 C1 01 01`,
}}
