package spm

import "slices"

// Table R is not the standard's: what half of a relay does beyond the tables. A relay's user passes on what the user of the other half asks for,
// who may not yet know what this half has indicated. On the way to the peer, and at the peer, such a request is what crosses the peer's own,
// which every machine has to take; only the tables' users do not make it. The rows go before the tables' own.
//
// What has no row and is refused has lost to what it met (Overtaken), and the relay drops it.
var tableRelay = table{"R", "what a relay passes on late", []row{
	// A synchronization point crosses an exception report. Machines count it and tell no user, but the other half has to count it too.
	{MIP, in(sta19), when(p14, p19), out(SSYNmind), act(23), stay, ""},
	{MIPd, in(sta19), when(p14, p19, p82), out(SSYNmdind), act(44, 23), stay, ""},
	{MAP, in(sta19), when(p12, p19), out(SSYNMind), act(31), stay, ""},
	{AE, in(sta19), when(p72, p19), out(SACTEind), act(31), stay, ""},
	{MIA, in(sta19), when(p17, p21), out(SSYNmcnf), act(25), stay, ""},
	{SSYNmreq, in(sta20), when(p15), out(SendMIP), act(24), stay, ""},
	{SSYNmdreq, in(sta20), when(p15, p82), out(SendMIPd), act(41, 24), stay, ""},
	{SSYNMreq, in(sta20), when(p13), out(SendMAP), act(24), stay, ""},
	{SACTEreq, in(sta20), when(p71), out(SendAE), act(24), stay, ""},
	{SSYNmrsp, in(sta20), when(p18, p21), out(SendMIA), act(25), stay, ""},

	// What was sent before the capability data, or the control, came.
	{SDTreq, in(sta22), when(p70), out(SendDT), nothing, stay, ""},
	{STDreq, in(sta22), when(p06), out(SendTD), nothing, stay, ""},
	{SEXreq, in(sta22), when(p08), out(SendEX), nothing, stay, ""},
	{SGTreq, in(sta22), when(p54), out(SendGT), act(11), stay, ""},
	{SPTreq, in(sta18), when(p53), out(SendPT), nothing, stay, ""},

	// A resynchronization crosses the end of the activity.
	{SRSYNreqA, in(sta10B), when(p28), out(SendPRRS, SendRSa), act(16), sta05A, ""},
	{SRSYNreqR, in(sta10B), when(p25, p33), out(SendPRRS, SendRSr), act(16), sta05A, ""},
	{SRSYNreqS, in(sta10B), when(p25), out(SendPRRS, SendRSs), act(16), sta05A, ""},

	// An exception report crosses the data token, another report, or what is announced by PREPARE.
	{SUERreq, in(sta20, sta713), when(p51), out(SendED), nothing, stay, ""},
	{SUERreq, in(sta10A, sta10B), when(p51), out(SendED), nothing, sta713, ""},
	{SUERreq, in(sta15B), when(p51), none, nothing, stay, ""},
	{ED, in(sta15B), when(p48), out(SUERind), nothing, stay, ""},

	// An interrupt or discard crosses the response to the activity's end.
	{SACTIreq, in(sta713), when(p34, not(p26), p11), out(SendPRRS, SendAI), act(16), sta05B, ""},
	{SACTDreq, in(sta713), when(p34, not(p26), p11), out(SendPRRS, SendAD), act(16), sta05C, ""},
	{SACTIreq, in(sta15B), when(p27, p34, p11), out(SendPRRS, SendAI), act(16), sta05B, ""},
	{SACTDreq, in(sta15B), when(p27, p34, p11), out(SendPRRS, SendAD), act(16), sta05C, ""},

	// Data separation protects what was sent before the resynchronization came.
	{SDTreq, in(sta11A), when(not(p80), p03), out(SendDT), nothing, stay, ""},
	{STDreq, in(sta11A), when(not(p80), p06), out(SendTD), nothing, stay, ""},
	{SEXreq, in(sta11A), when(not(p80), p08), out(SendEX), nothing, stay, ""},
	{SSYNmreq, in(sta11A), when(not(p80), p15), out(SendMIP), act(24), stay, ""},
	{SSYNmdreq, in(sta11A), when(not(p80), p15, p82), out(SendMIPd), act(41, 24), stay, ""},
	{SSYNmrsp, in(sta11A), when(not(p80), p18, p21), out(SendMIA), act(25), stay, ""},
	{SSYNMreq, in(sta11A), when(not(p80), p13), out(SendMAP), act(24), stay, ""},
	{SGTreq, in(sta11A), when(not(p80), p54), out(SendGT), act(11), stay, ""},
	{SPTreq, in(sta11A), when(not(p80), p53), out(SendPT), nothing, stay, ""},

	// The release was answered before the abort came.
	{SRELrspPos, in(sta15D), always, none, nothing, stay, ""},
}}

// late finds the rows of table R.
var late = compile([]table{tableRelay})

// protects are the requests that data separation protects.
var protects = []Kind{SDTreq, STDreq, SEXreq, SSYNmreq, SSYNmdreq, SSYNmrsp, SSYNMreq, SGTreq, SPTreq}

// Overtaken tells whether a request or response that was refused has lost to something that is on its way the other way, so that the user of half of a
// relay drops it. What is refused and was not overtaken is a mistake.
func (m *Machine) Overtaken(k Kind) bool {
	st := m.Visible()
	if st == sta11A && m.Protected() && slices.Contains(protects, k) {
		return false
	}
	return in(sta15B, sta15D).has(m.state) || in(sta01, sta01A, sta01C, sta11A, sta11B, sta11C, sta16, sta20).has(st)
}
