package spdu

var activityRows = []codecRow{{
	name: "AS",
	pdu:  AS{Activity: []byte("A2")},
	str:  `AS(activity="A2")`,
	hex:  `2D 04 29 02 41 32 # SI, LI, PI activity identifier`,
}, {
	name: "AS with everything but an identifier",
	pdu:  AS{Enclosure: Only, UserData: []byte{1}},
	str:  `AS(activity="", enclosure=only, data=1)`,
	hex:  `2D 08 19 01 03 29 00 C1 01 01`,
}, {
	name: "AR on the same session connection",
	pdu:  AR{Activity: []byte("A2"), Linking: Linking{Activity: []byte("A1"), Serial: 4}},
	str:  `AR(activity="A2", old="A1", serial=4)`,
	hex: `1D 0D              # SI AR, LI
		  21 07            # PGI linking information
		    29 02 41 31    # PI activity identifier: the old one
		    2A 01 34       # PI serial number
		  29 02 41 32      # PI activity identifier: the new one`,
}, {
	name: "AR with everything",
	pdu: AR{Activity: fill(6), Linking: Linking{Called: []byte("x"), Calling: []byte("y"), Common: []byte("z"), Additional: []byte{1},
		Activity: []byte{0, 1}, Serial: 4, Second: Serial{5, true}}, Enclosure: First, UserData: []byte{1}},
	str: `AR(activity="ZZZZZZ", old=0001, serial=4, serial2=5, calledref="x", callingref="y", common="z", additional=01, enclosure=first, data=1)`,
	hex: `1D 26              # SI AR, LI
		  19 01 01         # PI enclosure item
		  21 16            # PGI linking information
		    09 01 78       # PI called SS-user reference
		    0A 01 79       # PI calling SS-user reference
		    0B 01 7A       # PI common reference
		    0C 01 01       # PI additional reference information
		    29 02 00 01    # PI activity identifier
		    2A 01 34       # PI serial number
		    36 01 35       # PI second serial number
		  29 06 5A 5A 5A 5A 5A 5A # PI activity identifier
		  C1 01 01         # PGI user data`,
}, {
	name: "AR, last segment",
	pdu:  AR{Enclosure: Last, UserData: []byte{1}},
	str:  `AR(enclosure=last, data=1)`,
	hex:  `1D 06 19 01 02 C1 01 01`,
}, {
	name: "AE",
	pdu:  AE{Serial: 9},
	str:  `AE(serial=9)`,
	hex:  `29 03 2A 01 39`,
}, {
	name: "AE with everything",
	pdu:  AE{Serial: 9, Second: Serial{1, true}, Enclosure: First, UserData: []byte{1}},
	str:  `AE(serial=9, serial2=1, enclosure=first, data=1)`,
	hex:  `29 0C 19 01 01 2A 01 39 36 01 31 C1 01 01`,
}, {
	name: "AI",
	pdu:  AI{Reason: LocalUserError},
	str:  `AI(reason=local SS-user error)`,
	hex:  `19 03 32 01 05 # SI, LI, PI reason code`,
}, {
	name: "AI, last segment",
	pdu:  AI{Enclosure: Last, UserData: []byte{1}},
	str:  `AI(enclosure=last, data=1)`,
	hex:  `19 06 19 01 02 C1 01 01`,
}, {
	name: "AIA",
	pdu:  AIA{UserData: []byte{1}},
	str:  `AIA(data=1)`,
	hex:  `1A 03 C1 01 01`,
}, {
	name: "AD with everything",
	pdu:  AD{Reason: UnrecoverableError, Enclosure: First, UserData: []byte{1}},
	str:  `AD(reason=unrecoverable procedural error, enclosure=first, data=1)`,
	hex:  `39 09 19 01 01 32 01 06 C1 01 01`,
}, {
	name: "ADA",
	pdu:  ADA{},
	str:  `ADA()`,
	hex:  `3A 00`,
}}
