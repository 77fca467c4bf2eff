package spdu

var exceptionRows = []codecRow{{
	name: "ER",
	pdu:  ER{[]byte{0x01, 0x00}},
	str:  `ER(reflect=0100)`,
	hex:  `00 04 31 02 01 00 # SI, LI, PI reflect parameter values`,
}, {
	name: "ER that shows nothing",
	pdu:  ER{},
	str:  `ER()`,
	hex:  `00 02 31 00`,
}, {
	name: "ED",
	pdu:  ED{Reason: DemandDataToken, UserData: []byte{1, 2, 3}},
	str:  `ED(reason=demand data token, data=3)`,
	hex:  `30 08 32 01 80 C1 03 01 02 03 # SI, LI, PI reason code, PGI user data`,
}, {
	name: "ED, first segment",
	pdu:  ED{Enclosure: First, UserData: []byte{1}},
	str:  `ED(reason=no specific reason, enclosure=first, data=1)`,
	hex:  `30 09 19 01 01 32 01 00 C1 01 01`,
}, {
	name: "ED, last segment",
	pdu:  ED{Enclosure: Last, UserData: []byte{1}},
	str:  `ED(enclosure=last, data=1)`,
	hex:  `30 06 19 01 02 C1 01 01`,
}}
