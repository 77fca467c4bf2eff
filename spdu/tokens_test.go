package spdu

var tokenRows = []codecRow{{
	name: "GT, header only",
	pdu:  GT{},
	str:  `GT()`,
	hex:  `01 00`,
}, {
	name: "GT that gives the data token", // x225 5.7
	pdu:  GT{Tokens: DataToken},
	str:  `GT(tokens=data)`,
	hex:  `01 03 10 01 01`,
}, {
	name: "PT with everything",
	pdu:  PT{Tokens: allTokens, Enclosure: First, UserData: []byte{1}},
	str:  `PT(tokens=data+minor+major+release, enclosure=first, data=1)`,
	hex:  `02 09 10 01 55 19 01 01 C1 01 01`,
}, {
	name: "GTC",
	pdu:  GTC{},
	str:  `GTC()`,
	hex:  `15 00`,
}, {
	name: "GTC with everything",
	pdu:  GTC{Enclosure: Last, UserData: []byte{1, 2}},
	str:  `GTC(enclosure=last, data=2)`,
	hex:  `15 07 19 01 02 C1 02 01 02 # SI, LI, PI enclosure item, PGI user data`,
}, {
	name: "GTA",
	pdu:  GTA{},
	str:  `GTA()`,
	hex:  `16 00`,
}}
