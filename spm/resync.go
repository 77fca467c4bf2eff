package spm

// resync is a kind of resynchronization in the order of precedence (x225 1.6).
type resync uint8

const (
	noResync resync = iota
	restart
	set
	abandon
	interrupt
	discard
)

// resyncVars are the variables of resynchronization (x225 4.3).
type resyncVars struct {
	Vrsp                   resync // the one in progress
	Vrspnb                 int32  // its serial number, if it is a restart
	DiscardRcv, DiscardSnd bool   // Discard-rcv-flow, Discard-snd-flow
}

// Table S4: resynchronization. x225 table S4
var tableResync = []row{
	{SRSYNreqA, in(sta04A, sta10A, sta20), when(p28), out(SendPRRS, SendRSa), act(16), sta05A, ""},
	{SRSYNreqA, in(sta09), when(p10, p28, not(p34)), out(SendPRRS, SendRSa), act(16), sta05A, ""},
	{SRSYNreqA, in(sta11A), when(not(p24)), out(SendPRRS, SendRSa), act(16), sta05A, "C9"},
	{SRSYNreqA, in(sta15A), when(p28, p30), out(SendPRRS, SendRSa), act(16, 6), sta05A, "E5"},
	{SRSYNreqA, in(sta15B), when(p26, p27, p28), out(SendPRRS, SendRSa), act(16), sta06, "E4"},
	{SRSYNreqA, in(sta15D), always, none, nothing, stay, ""},
	{SRSYNreqA, in(sta713), when(p29), out(SendPRRS, SendRSa), act(16), sta05A, ""},
	{SRSYNreqR, in(sta09), when(p10, p25, not(p34), p33), out(SendPRRS, SendRSr), act(16), sta05A, ""},
	{SRSYNreqR, in(sta10A, sta20), when(p25, p33), out(SendPRRS, SendRSr), act(16), sta05A, ""},
	{SRSYNreqR, in(sta11A), when(not(p24), p33), out(SendPRRS, SendRSr), act(16), sta05A, "C9"},
	{SRSYNreqR, in(sta15B), when(p25, p26, p27, p33), out(SendPRRS, SendRSr), act(16), sta06, "E4"},
	{SRSYNreqR, in(sta15D), always, none, nothing, stay, ""},
	{SRSYNreqR, in(sta713), when(p25, p26, p33), out(SendPRRS, SendRSr), act(16), sta05A, ""},
	{SRSYNreqS, in(sta04A), when(p28), out(SendPRRS, SendRSs), act(16), sta05A, ""},
	{SRSYNreqS, in(sta09), when(p10, p25, not(p34)), out(SendPRRS, SendRSs), act(16), sta05A, ""},
	{SRSYNreqS, in(sta10A, sta20), when(p25), out(SendPRRS, SendRSs), act(16), sta05A, ""},
	{SRSYNreqS, in(sta11A), when(not(p24)), out(SendPRRS, SendRSs), act(16), sta05A, "C9"},
	{SRSYNreqS, in(sta15A), when(p28, p30), out(SendPRRS, SendRSs), act(16, 6), sta05A, "E5"},
	{SRSYNreqS, in(sta15B), when(p25, p26, p27), out(SendPRRS, SendRSs), act(16), sta06, "E4"},
	{SRSYNreqS, in(sta15D), always, none, nothing, stay, ""},
	{SRSYNreqS, in(sta713), when(p25, p26), out(SendPRRS, SendRSs), act(16), sta05A, ""},
	{SRSYNrsp, in(sta11A), when(p43), out(SendPRRA, SendRA), act(28, 11), sta713, ""},
	{SRSYNrsp, in(sta15D), always, none, nothing, stay, ""},
	{PRRA, in(sta01A, sta16), always, none, nothing, stay, ""},
	{PRRA, in(sta01C, sta01D), always, out(TDISreq), nothing, sta01, ""},
	{PRRA, in(sta05A, sta05B, sta05C), always, none, nothing, sta15C, ""},
	{PRRA, in(sta06), always, none, act(10), stay, ""},
	{PRRS, in(sta01A, sta16), always, none, nothing, stay, ""},
	{PRRS, in(sta01C, sta01D), always, out(TDISreq), nothing, sta01, ""},
	{PRRS, in(sta02A, sta15A, sta15C, sta18), always, none, act(10), stay, "C10"},
	{PRRS, in(sta03), when(p10, p80), none, nothing, sta15B, ""},
	{PRRS, in(sta04A, sta10A, sta19, sta20), when(p80), none, nothing, sta15B, ""},
	{PRRS, in(sta04B), when(p80), none, nothing, sta15B, "E3"},
	{PRRS, in(sta10B), when(p80), none, nothing, sta15B, "E2"},
	{PRRS, in(sta05A), when(p80), none, nothing, sta06, ""},
	{PRRS, in(sta05B, sta05C), when(p80), none, nothing, stay, ""},
	{PRRS, in(sta06), when(p80), none, act(10), stay, ""},
	{PRRS, in(sta713), when(p80), none, nothing, sta15B, "E4"},
	{PRRS, in(sta04A, sta04B, sta05A, sta05B, sta05C, sta10A, sta10B, sta19, sta20, sta713), when(not(p80)), none, nothing, stay, "E13"},
	{PRRS, in(sta03), when(p10, not(p80)), none, nothing, stay, "E13"},
	{PRRS, in(sta06), when(not(p80)), none, act(10), stay, "E13"},
	{RA, in(sta01A, sta15D, sta16), always, none, nothing, stay, ""},
	{RA, in(sta01C, sta01D), always, out(TDISreq), nothing, sta01, ""},
	{RA, in(sta05A), when(p35, p49), out(SRSYNcnf), act(28, 11), sta713, ""},
	{RA, in(sta15C), when(p36, p49), out(SRSYNcnf), act(28, 11, 6), sta713, "C12"},
	{RSa, in(sta01A, sta15D, sta16), always, none, nothing, stay, ""},
	{RSa, in(sta01C, sta01D), always, out(TDISreq), nothing, sta01, ""},
	{RSa, in(sta03), when(p10, not(p34), p35), out(SRSYNind), act(19, 16), sta11A, ""},
	{RSa, in(sta04A, sta10A, sta19, sta20), when(p35), out(SRSYNind), act(19, 16), sta11A, ""},
	{RSa, in(sta04B), when(p35), out(SRSYNind), act(19, 16), sta11A, "E3"},
	{RSa, in(sta05A), when(not(p24), p35), none, nothing, stay, "C4"},
	{RSa, in(sta05A), when(p24, p35), out(SRSYNind), act(19, 16), sta11A, "C4"},
	{RSa, in(sta05B, sta05C), when(p28), none, nothing, stay, ""},
	{RSa, in(sta06), when(not(p24)), none, act(6), sta05A, ""},
	{RSa, in(sta06), when(p24), out(SRSYNind), act(19, 16, 6), sta11A, ""},
	{RSa, in(sta15B), when(p29), out(SRSYNind), act(19, 16), sta11A, ""},
	{RSa, in(sta15C), when(p28), none, nothing, stay, "E6"},
	{RSa, in(sta713), when(p26, p35), out(SRSYNind), act(19, 16), sta11A, ""},
	{RSr, in(sta01A, sta15D, sta16), always, none, nothing, stay, ""},
	{RSr, in(sta01C, sta01D), always, out(TDISreq), nothing, sta01, ""},
	{RSr, in(sta03), when(p10, not(p34), p35, p32), out(SRSYNind), act(16), sta11A, ""},
	{RSr, in(sta04A, sta19, sta20), when(p32, p35), out(SRSYNind), act(16), sta11A, ""},
	{RSr, in(sta04B), when(p32, p35), out(SRSYNind), act(16), sta11A, "E3"},
	{RSr, in(sta05A), when(not(p24), p35, p32), none, nothing, stay, "C4"},
	{RSr, in(sta05A), when(p24, p35, p32), out(SRSYNind), act(16), sta11A, "C4"},
	{RSr, in(sta05B, sta05C), when(p28), none, nothing, stay, ""},
	{RSr, in(sta06), when(not(p24), p32), none, act(6), sta05A, ""},
	{RSr, in(sta06), when(p24, p32), out(SRSYNind), act(16, 6), sta11A, ""},
	{RSr, in(sta15B), when(p32, p29), out(SRSYNind), act(16), sta11A, ""},
	{RSr, in(sta15C), when(p28), none, nothing, stay, "E6"},
	{RSr, in(sta713), when(p32, p26, p35), out(SRSYNind), act(16), sta11A, ""},
	{RSs, in(sta01A, sta15D, sta16), always, none, nothing, stay, ""},
	{RSs, in(sta01C, sta01D), always, out(TDISreq), nothing, sta01, ""},
	{RSs, in(sta03), when(p10, not(p34), p35), out(SRSYNind), act(16), sta11A, ""},
	{RSs, in(sta04A, sta10A, sta19, sta20), when(p35), out(SRSYNind), act(16), sta11A, ""},
	{RSs, in(sta04B), when(p35), out(SRSYNind), act(16), sta11A, "E3"},
	{RSs, in(sta05A), when(not(p24), p35), none, nothing, stay, "C4"},
	{RSs, in(sta05A), when(p24, p35), out(SRSYNind), act(16), sta11A, "C4"},
	{RSs, in(sta05B, sta05C), when(p28), none, nothing, stay, ""},
	{RSs, in(sta06), when(not(p24)), none, act(6), sta05A, ""},
	{RSs, in(sta06), when(p24), out(SRSYNind), act(16, 6), sta11A, ""},
	{RSs, in(sta15B), when(p29), out(SRSYNind), act(16), sta11A, ""},
	{RSs, in(sta15C), when(p28), none, nothing, stay, "E6"},
	{RSs, in(sta713), when(p26, p35), out(SRSYNind), act(16), sta11A, ""},
}
