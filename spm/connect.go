package spm

import "github.com/tenuto-session/tenuto/spdu"

// connectVars are the variables of connection establishment (x225 4.3).
type connectVars struct {
	Vtca     bool       // this SPM received the T-CONNECT indication
	TEXP     bool       // the transport's expedited flow is used
	Overflow bool       // p204, kept from S-CONNECT request
	Units    spdu.Units // those proposed until [5], then those selected
}

// Table S1: connection establishment. x225 table S1
var tableConnect = []row{
	{TCONcnf, in(sta01B), when(p204), out(SendCN), nothing, sta02B, ""},
	{TCONcnf, in(sta01B), when(not(p204)), out(SendCN), nothing, sta02A, ""},
	{TCONind, in(sta01), always, out(TCONrsp), act(1), sta01C, ""},
	{SCONreq, in(sta01), always, out(TCONreq), act(2), sta01B, ""},
	{SCONreq, in(sta01C), when(p01, p204), out(SendCN), nothing, sta02B, ""},
	{SCONreq, in(sta01C), when(p01, not(p204)), out(SendCN), nothing, sta02A, ""},
	{SCONrspPos, in(sta08), always, out(SendAC), act(5, 11), sta713, ""},
	{SCONrspPos, in(sta15D), always, none, nothing, stay, ""},
	{SCONrspNeg, in(sta08), when(not(p02)), out(SendRFnr), act(4), sta16, ""},
	{SCONrspNeg, in(sta08), when(p02), out(SendRFr), nothing, sta01C, ""},
	{SCONrspNeg, in(sta15D), always, none, act(4), sta16, ""},
	{AC, in(sta01A, sta15D, sta16), always, none, nothing, stay, ""},
	{AC, in(sta01C), always, out(TDISreq), nothing, sta01, ""},
	{AC, in(sta02A), always, out(SCONcnfPos), act(5, 11, 6), sta713, "E1"}, // else what 02A queued is never replayed
	{CDO, in(sta01C), always, out(TDISreq), nothing, sta01, ""},
	{CDO, in(sta01D), when(not(p202)), none, act(50), stay, ""},
	{CDO, in(sta01D), when(p202), out(SCONind), nothing, sta08, ""},
	{CDO, in(sta15D), always, none, nothing, stay, ""},
	{CN, in(sta01A, sta16), always, out(TDISreq), act(3), sta01, ""},
	{CN, in(sta01C), when(not(p01), not(p76), p204), out(SendOA), act(50), sta01D, ""},
	{CN, in(sta01C), when(not(p01), not(p76), not(p204)), out(SCONind), nothing, sta08, ""},
	{CN, in(sta01C), when(not(p01), p76, not(p02)), out(SendRFnr), act(4), sta16, ""},
	{CN, in(sta01C), when(not(p01), p76, p02), out(SendRFr), nothing, stay, ""},
	{CN, in(sta01C), when(p01), out(TDISreq), nothing, sta01, ""},
	{OA, in(sta01C), always, out(TDISreq), nothing, sta01, ""},
	{OA, in(sta02B), always, out(SendCDO), act(51), sta02A, ""},
	{OA, in(sta15D), always, none, nothing, stay, ""},
	{OA, in(sta01A, sta16), always, none, nothing, stay, "E12"}, // an abort in 02B crosses OA
	{RFnr, in(sta01A, sta16), always, none, nothing, stay, ""},
	{RFnr, in(sta01C), always, out(TDISreq), nothing, sta01, ""},
	{RFnr, in(sta02A, sta02B), always, out(SCONcnfNeg, TDISreq), nothing, sta01, ""},
	{RFr, in(sta01A, sta16), always, none, nothing, stay, ""},
	{RFr, in(sta01C), always, out(TDISreq), nothing, sta01, ""},
	{RFr, in(sta02A, sta02B), when(not(p02)), out(SCONcnfNeg, TDISreq), nothing, sta01, ""},
	{RFr, in(sta02A, sta02B), when(p02), out(SCONcnfNeg), nothing, sta01C, "C1"},
}
