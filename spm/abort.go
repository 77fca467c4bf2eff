package spm

// Sets of states that Table S9 repeats: those in which there is a user.
var (
	userStates = in(sta02A, sta03, sta04A, sta04B, sta05A, sta05B, sta05C, sta08, sta09, sta10A, sta10B, sta11A, sta11B, sta11C,
		sta18, sta19, sta20, sta21, sta22, sta713)
	prepared = in(sta06, sta15A, sta15B, sta15C)
)

// Table S9: abort, disconnect, timer. x225 table S9
var tableAbort = []row{
	{TDISind, in(sta01A, sta16), always, none, act(3), sta01, "C14"},
	{TDISind, userStates | prepared | in(sta01B, sta02B, sta15D), always, out(SPABind), nothing, sta01, ""},
	{TDISind, in(sta01C, sta01D), always, none, nothing, sta01, ""},
	{TIM, in(sta01A, sta15D, sta16), always, out(TDISreq), nothing, sta01, ""},
	{SUABreq, in(sta01B), always, out(TDISreq), nothing, sta01, ""},
	{SUABreq, userStates | prepared | in(sta02B), when(not(p02)), out(SendPRAB, SendABnr), act(4), sta16, ""},
	{SUABreq, userStates | in(sta02B), when(p02), out(SendABr), act(4), sta01A, ""},
	{SUABreq, in(sta15D), when(not(p02)), none, act(4), sta16, ""},
	{AA, in(sta01A), always, none, act(3), sta01C, ""},
	{AA, in(sta01C, sta01D), always, out(TDISreq), nothing, sta01, ""},
	{AA, in(sta16), always, out(TDISreq), act(3), sta01, ""},
	{ABnr, in(sta01A, sta16), always, out(TDISreq), act(3), sta01, ""},
	{ABnr, in(sta01C, sta01D), always, out(TDISreq), nothing, sta01, ""},
	{ABnr, userStates, when(not(p02)), out(sxABind, TDISreq), nothing, sta01, ""},
	{ABnr, userStates, when(p02), out(sxABind, SendAA), act(4), sta16, ""},
	{ABnr, prepared | in(sta02B, sta15D), always, out(sxABind, TDISreq), nothing, sta01, ""},
	{ABr, in(sta01A), always, none, act(3), sta01C, ""},
	{ABr, in(sta01C, sta01D), when(not(p02)), out(TDISreq), nothing, sta01, ""},
	{ABr, in(sta01C), when(p02), out(SendAA), nothing, stay, ""},
	{ABr, in(sta01D), when(p02), out(SendAA), nothing, sta01C, ""},
	{ABr, userStates | in(sta02B), when(not(p02)), out(sxABind, TDISreq), nothing, sta01, ""},
	{ABr, userStates | in(sta02B), when(p02), out(sxABind, SendAA), nothing, sta01C, "C2"},
	{ABr, in(sta16), always, out(TDISreq), act(3), sta01, ""},
	{PRAB, in(sta01C), always, out(TDISreq), nothing, sta01, ""},
	{PRAB, in(sta01D), always, out(TDISreq), nothing, sta01, "E12"}, // a long abort in 02B
	{PRAB, userStates | prepared, always, none, nothing, sta15D, ""},
	{PRAB, in(sta16), always, out(TDISreq), act(3), sta01, ""},
}
