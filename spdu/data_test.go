package spdu

var dataRows = []codecRow{{
	name: "DT",
	pdu:  DT{},
	str:  `DT()`,
	hex:  `01 00`,
}, {
	name: "DT, first segment",
	pdu:  DT{First},
	str:  `DT(enclosure=first)`,
	hex:  `01 03 19 01 01 # SI, LI, PI enclosure item: beginning`,
}, {
	name: "TD",
	pdu:  TD{},
	str:  `TD()`,
	hex:  `21 00`,
}, {
	name: "TD, last segment", // x225 3.3
	pdu:  TD{Last},
	str:  `TD(enclosure=last)`,
	hex:  `21 03 19 01 02 # SI, LI, PI enclosure item: end`,
}, {
	name: "EX",
	pdu:  EX{[]byte("stop")},
	str:  `EX(data=4)`,
	hex:  `05 00 73 74 6F 70 # SI, LI, user information`,
}, {
	name: "EX, the longest", // x225 3.1: 16 octets of transport expedited
	pdu:  EX{fill(14)},
	str:  `EX(data=14)`,
	hex:  `05 00 5A 5A 5A 5A 5A 5A 5A 5A 5A 5A 5A 5A 5A 5A`,
}, {
	name: "CD",
	pdu:  CD{UserData: []byte("?")},
	str:  `CD(data=1)`,
	hex:  `3D 03 C1 01 3F # SI, LI, PGI user data`,
}, {
	name: "CD, middle segment",
	pdu:  CD{Enclosure: Middle, UserData: []byte("?")},
	str:  `CD(enclosure=middle, data=1)`,
	hex:  `3D 06 19 01 00 C1 01 3F`,
}, {
	name: "CDA",
	pdu:  CDA{UserData: []byte("!")},
	str:  `CDA(data=1)`,
	hex:  `3E 03 C1 01 21`,
}}
