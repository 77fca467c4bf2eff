package relay

import "github.com/tenuto-session/tenuto"

// proposal is what the far session is asked for, given what the near peer proposes.
func proposal(near *tenuto.Incoming) *tenuto.Config {
	c := mirrored(near.Parameters(), near.HasExpedited())
	c.Units &= Units
	return c
}

// answer is what the near session is accepted with, given what the far peer selected. The tokens that it asked for come as an indication.
func answer(far *tenuto.Session) *tenuto.Config {
	p := far.Parameters()
	c := mirrored(p, far.HasExpedited())
	c.Responding = p.Responding
	return c
}

// mirrored is the configuration of one half for what was said to the other. What one transport connection cannot cut, the other must not.
func mirrored(p tenuto.Parameters, expedited bool) *tenuto.Config {
	return &tenuto.Config{
		Reference:       p.Reference,
		UserData:        p.UserData,
		Units:           p.Units,
		Simplex:         p.Simplex,
		Tokens:          across(p.Tokens),
		Serial:          p.Serial,
		Version:         p.Version,
		TSDUSize:        p.ReceiveSize,
		ReceiveTSDUSize: unlimited(p.SendSize),
		Concatenation:   p.Concatenation,
		Relay:           true,
		NoPurge:         !expedited,
	}
}

// unlimited is a Config's word for no limit.
func unlimited(size int) int {
	if size == 0 {
		return -1
	}
	return size
}

// across are token settings as the other half sees them: what is here is what its peer's side has there.
func across(t tenuto.TokenSettings) tenuto.TokenSettings {
	return tenuto.TokenSettings{Here: t.There, There: t.Here, Choose: t.Choose}
}
