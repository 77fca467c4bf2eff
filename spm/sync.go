package spm

// maxSerial is the largest serial number (x225 2.8).
const maxSerial = 999999

// syncVars are the variables of synchronization (x225 4.3).
type syncVars struct {
	VA   int32 // V(A): the lowest number that is not confirmed
	VM   int32 // V(M): the next number
	VR   int32 // V(R): the lowest number to which restart is permitted
	VAdo int32 // V(Ado): the last data-separated minor synchronization point sent, -1 if there is none
	VAdi int32 // V(Adi): the last one received
	Vsc  bool  // this user may confirm minor synchronization points
}

// Table S3: synchronization. x225 table S3
//
// MAA and AEA are the same octets, and here the same event MAA. The rows that C13 doubts are left out: nobody can come to them,
// because what a user may do in 15C is what it may do in the state behind it (visible.go).
var tableSync = []row{
	{SACTEreq, in(sta15B), when(p71), none, nothing, stay, "C13"},
	{SACTEreq, in(sta15D), always, none, nothing, stay, ""},
	{SACTEreq, in(sta713), when(p71), out(SendAE), act(13, 24), sta04B, ""},
	{SACTErsp, in(sta10B), always, out(SendPRMAA, SendAEA), act(14, 22), sta713, ""},
	{SACTErsp, in(sta15D), always, none, nothing, stay, ""},
	{SACTErsp, in(sta15B), always, none, nothing, stay, "E2"},
	{SSYNMreq, in(sta15B), when(p13), none, nothing, stay, ""},
	{SSYNMreq, in(sta713), when(p13), out(SendMAP), act(13, 24), sta04A, ""},
	{SSYNMreq, in(sta15D), always, none, nothing, stay, "E9"},
	{SSYNMrsp, in(sta10A), always, out(SendPRMAA, SendMAA), act(14, 22), sta713, ""},
	{SSYNMrsp, in(sta15B), always, none, nothing, stay, ""},
	{SSYNMrsp, in(sta15D), always, none, nothing, stay, "E9"},
	{SSYNmdreq, in(sta15B), when(p15, p82), none, nothing, stay, "C13"},
	{SSYNmdreq, in(sta15D), always, none, nothing, stay, ""},
	{SSYNmdreq, in(sta713), when(p15, p82), out(SendMIPd), act(41, 24), stay, ""},
	{SSYNmreq, in(sta15B), when(p15), none, nothing, stay, "C13"},
	{SSYNmreq, in(sta15D), always, none, nothing, stay, ""},
	{SSYNmreq, in(sta713), when(p15), out(SendMIP), act(24), stay, ""},
	{SSYNmrsp, in(sta09, sta713), when(p18, p21), out(SendMIA), act(25), stay, ""},
	{SSYNmrsp, in(sta10A, sta10B), when(p18, not(p20), p21), out(SendMIA), act(25), stay, ""},
	{SSYNmrsp, in(sta15B), when(p18, p21), none, nothing, stay, "C13"},
	{SSYNmrsp, in(sta15D), always, none, nothing, stay, ""},
	{AE, in(sta01A, sta15D, sta16), always, none, nothing, stay, ""},
	{AE, in(sta01C, sta01D), always, out(TDISreq), nothing, sta01, ""},
	{AE, in(sta05A, sta06, sta15B, sta15C), when(p72), none, nothing, stay, ""},
	{AE, in(sta19, sta20), when(p72, p19), none, act(31), stay, ""},
	{AE, in(sta713), when(p72, p19), out(SACTEind), act(13, 31), sta10B, ""},
	{MAA, in(sta01A, sta15D, sta16), always, none, nothing, stay, ""},
	{MAA, in(sta01C, sta01D), always, out(TDISreq), nothing, sta01, ""},
	{MAA, in(sta04A), when(p16, p20), out(SSYNMcnf), act(14, 22), sta713, ""},
	{MAA, in(sta04B), when(p16, p20), out(SACTEcnf), act(14, 22), sta713, ""},
	{MAA, in(sta05A, sta05B, sta05C, sta06, sta15B, sta15C), always, none, act(43), stay, ""},
	{MAA, in(sta15A), when(p20, not(p23)), out(SSYNMcnf), act(14, 22, 6), sta713, ""},
	{MAA, in(sta15A), when(p20, p23), out(SACTEcnf), act(14, 22, 6), sta713, ""},
	{MAA, in(sta20), when(p20), none, nothing, stay, ""},
	{MAP, in(sta01A, sta15D, sta16), always, none, nothing, stay, ""},
	{MAP, in(sta01C, sta01D), always, out(TDISreq), nothing, sta01, ""},
	{MAP, in(sta05A, sta06, sta15C), when(p12, p185), none, nothing, stay, ""},
	{MAP, in(sta05A, sta06, sta15C), when(p12, not(p178), not(p185)), out(SSYNMind), act(31), stay, "C20"},
	{MAP, in(sta15B), when(p12), none, nothing, stay, ""},
	{MAP, in(sta19, sta20), when(p12, p19), none, act(31), stay, ""},
	{MAP, in(sta713), when(p12, p19), out(SSYNMind), act(13, 31), sta10A, ""},
	{MIA, in(sta01A, sta15D, sta16), always, none, nothing, stay, ""},
	{MIA, in(sta01C, sta01D), always, out(TDISreq), nothing, sta01, ""},
	{MIA, in(sta03, sta713), when(p17, p21), out(SSYNmcnf), act(25), stay, ""},
	{MIA, in(sta04A, sta04B, sta15A), when(p17, not(p20), p21), out(SSYNmcnf), act(25), stay, ""},
	{MIA, in(sta05A, sta06, sta15B, sta15C), when(p17, not(p81)), none, nothing, stay, ""},
	{MIA, in(sta05A, sta06, sta15B, sta15C), when(p17, p21, p81), out(SSYNmcnf), act(25), stay, ""},
	{MIA, in(sta05B, sta05C), when(p17), none, nothing, stay, ""},
	{MIA, in(sta19), when(p17, p21), none, act(25), stay, ""},
	{MIA, in(sta20), when(p17, p21), none, nothing, stay, ""},
	{MIP, in(sta01A, sta15D, sta16), always, none, nothing, stay, ""},
	{MIP, in(sta01C, sta01D), always, out(TDISreq), nothing, sta01, ""},
	{MIP, in(sta05A, sta06, sta15B, sta15C), when(p14, not(p178), p185), none, nothing, stay, "C6"},
	{MIP, in(sta05A, sta06), when(not(p178), not(p185), p14), out(SSYNmind), act(23), stay, "C19"},
	{MIP, in(sta05B, sta05C), when(p14), none, nothing, stay, ""},
	{MIP, in(sta15B, sta15C), when(p14, not(p178), not(p185)), out(SSYNmind), act(23), stay, ""},
	{MIP, in(sta19, sta20), when(p14, p19), none, act(23), stay, ""},
	{MIP, in(sta713), when(p14, p19), out(SSYNmind), act(23), stay, ""},
	{MIPd, in(sta01A), always, none, nothing, stay, ""},
	{MIPd, in(sta01C, sta01D), always, out(TDISreq), nothing, sta01, ""},
	{MIPd, in(sta05B, sta05C), when(p14, p82), none, act(44), stay, "E14"},
	{MIPd, in(sta05A, sta06), when(p14, p82, not(p178), p185), none, act(44), stay, "E14"},
	{MIPd, in(sta05A, sta06), when(p82, not(p178), not(p185), p14), out(SSYNmdind), act(44, 23), stay, "C19 E14"},
	{MIPd, in(sta15B), when(p14, p82, not(p178), p185), none, act(44), stay, "E7"},
	{MIPd, in(sta15B), when(p14, p82, not(p178), not(p185)), out(SSYNmdind), act(44, 23), stay, "E7"},
	{MIPd, in(sta15C), when(p14, p82, not(p178), p185), none, act(44), stay, ""},
	{MIPd, in(sta15C), when(p14, p82, not(p178), not(p185)), out(SSYNmdind), act(44, 23), stay, ""},
	{MIPd, in(sta15D, sta16), when(p82), none, act(44), stay, ""},
	{MIPd, in(sta19, sta20), when(p14, p19, p82), none, act(44, 23), stay, ""},
	{MIPd, in(sta713), when(p14, p19, p82), out(SSYNmdind), act(44, 23), stay, ""},
	{PRMAA, in(sta01A, sta05A, sta05B, sta05C, sta16), always, none, nothing, stay, ""},
	{PRMAA, in(sta01C, sta01D), always, out(TDISreq), nothing, sta01, ""},
	{PRMAA, in(sta04A, sta04B), always, none, nothing, sta15A, ""},
}
