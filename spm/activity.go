package spm

// activityVars are the variables of activity management (x225 4.3).
type activityVars struct {
	Vact     bool // an activity is in progress
	Vnextact bool // and will be after the outstanding MAA
}

// Table S6: activity start, activity resume, capability data. x225 table S6
var tableActivity = []row{
	{SACTRreq, in(sta15D), always, none, nothing, stay, ""},
	{SACTRreq, in(sta713), when(p45), out(SendAR), act(12, 27), stay, ""},
	{SACTSreq, in(sta713), when(p45), out(SendAS), act(12, 26), stay, ""},
	{SACTSreq, in(sta15D), always, none, nothing, stay, "E9"},
	{SCDreq, in(sta15D), always, none, nothing, stay, ""},
	{SCDreq, in(sta713), when(p47), out(SendCD), nothing, sta21, ""},
	{SCDrsp, in(sta15D), always, none, nothing, stay, ""},
	{SCDrsp, in(sta22), always, out(SendCDA), nothing, sta713, ""},
	{AR, in(sta01A, sta15D, sta16), always, none, nothing, stay, ""},
	{AR, in(sta01C, sta01D), always, out(TDISreq), nothing, sta01, ""},
	{AR, in(sta15B), when(p44), out(SACTRind), act(12, 27), stay, ""},
	{AR, in(sta713), when(p44), out(SACTRind), act(12, 27, 6), stay, ""},
	{AS, in(sta01A, sta15D, sta16), always, none, nothing, stay, ""},
	{AS, in(sta01C, sta01D), always, out(TDISreq), nothing, sta01, ""},
	{AS, in(sta15B), when(p44), out(SACTSind), act(12, 26), stay, ""},
	{AS, in(sta713), when(p44), out(SACTSind), act(12, 26, 6), stay, ""},
	{CD, in(sta01A, sta15D, sta16), always, none, nothing, stay, ""},
	{CD, in(sta01C, sta01D), always, out(TDISreq), nothing, sta01, ""},
	{CD, in(sta713), when(p46), out(SCDind), nothing, sta22, "C17"},
	{CDA, in(sta01A, sta15D, sta16), always, none, nothing, stay, ""},
	{CDA, in(sta01C, sta01D), always, out(TDISreq), nothing, sta01, ""},
	{CDA, in(sta05B), always, none, nothing, stay, "C18 E11"},
	{CDA, in(sta21), always, out(SCDcnf), nothing, sta713, ""},
}
