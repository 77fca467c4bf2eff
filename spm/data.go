package spm

// syncVars are the variables of synchronization, of which the kernel's rows use some (x225 4.3).
type syncVars struct {
	VA, VM, VR int32 // V(A), V(M), V(R)
	VAdo, VAdi int32 // V(Ado), V(Adi): the last data-separated minor synchronization point, -1 if there is none
	Vsc        bool
}

// resyncVars are the variables of resynchronization.
type resyncVars struct {
	DiscardRcv, DiscardSnd bool // Discard-rcv-flow, Discard-snd-flow
}

// activityVars are the variables of activity management.
type activityVars struct {
	Vact bool
}

// Table S2: data transfer, the rows of S-DATA and DT. x225 table S2
var tableData = []row{
	{SDTreq, in(sta09), when(p04), out(SendDT), nothing, stay, ""},
	{SDTreq, in(sta10A, sta10B, sta713), when(p03), out(SendDT), nothing, stay, ""},
	{SDTreq, in(sta15B), when(p03), none, nothing, stay, ""},
	{SDTreq, in(sta15D), always, none, nothing, stay, ""},
	{SDTreq, in(sta18), when(p70), out(SendDT), nothing, stay, ""},
	{DT, in(sta01A, sta15D, sta16, sta19), always, none, nothing, stay, ""},
	{DT, in(sta01C, sta01D), always, out(TDISreq), nothing, sta01, ""},
	{DT, in(sta03), when(p05, p10), out(SDTind), nothing, stay, ""},
	{DT, in(sta04A, sta04B, sta15A, sta713), when(p05), out(SDTind), nothing, stay, ""},
	{DT, in(sta05A, sta06, sta15B, sta15C), when(p05, p185), none, nothing, stay, ""},
	{DT, in(sta05A, sta06, sta11A, sta15B, sta15C), when(p05, not(p185)), out(SDTind), nothing, stay, "C6"},
	{DT, in(sta05B, sta05C, sta20), when(p05), none, nothing, stay, ""},
	{DT, in(sta18, sta21), when(p70), out(SDTind), nothing, stay, ""},
}
