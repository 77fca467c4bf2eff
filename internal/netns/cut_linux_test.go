package netns

import (
	"maps"
	"slices"
)

// cut is a way in which the network between the hosts fails.
type cut struct {
	name  string
	apply func(*lab)
	// heal repairs the network. It is nil where the network works again at once, and only what crossed it is lost.
	heal func(*lab)
}

// No host has an interface with this address, so frames to it are received by nobody, without an error at the sender.
const nobody = "02:00:00:00:00:99"

var (
	killNear = cut{name: "client's sockets killed with ss -K", apply: func(l *lab) { kill(l, l.near) }}
	killFar  = cut{name: "server's sockets killed with ss -K", apply: func(l *lab) { kill(l, l.far) }}

	linkDown = cut{
		name:  "link down",
		apply: func(l *lab) { l.near.ip(l.t, "link", "set", l.near.device, "down") },
		heal:  func(l *lab) { l.near.ip(l.t, "link", "set", l.near.device, "up") },
	}

	farLinkDown = cut{
		name:  "link down at the server",
		apply: func(l *lab) { l.far.ip(l.t, "link", "set", l.far.device, "down") },
		heal:  func(l *lab) { l.far.ip(l.t, "link", "set", l.far.device, "up") },
	}

	addressChanged = cut{name: "client's address changed", apply: func(l *lab) { readdress(l) }}

	deafServer = cut{
		name:  "nothing from client to server",
		apply: func(l *lab) { misdirect(l, l.near, farAddr) },
		heal:  func(l *lab) { redirect(l, l.near, farAddr) },
	}
	deafClient = cut{
		name:  "nothing from server to client",
		apply: func(l *lab) { misdirect(l, l.far, nearAddr) },
		heal:  func(l *lab) { redirect(l, l.far, nearAddr) },
	}
)

func kill(l *lab, h host) {
	l.t.Helper()
	before := h.carriers(l.t)
	run(l.t, "ss", "-N", h.namespace, "-HtnK", "state", "established", isCarrier)
	// A kernel without INET_DIAG_DESTROY kills nothing and ss does not say so.
	for end := range h.carriers(l.t) {
		if before[end] {
			l.t.Fatalf("ss -K left the socket %s whole: does the kernel have INET_DIAG_DESTROY?", end)
		}
	}
}

// readdress moves the client from one address to the other.
func readdress(l *lab) {
	l.t.Helper()
	from, to := nearAddr, nearAltAddr
	if run(l.t, "ip", "-n", l.near.namespace, "addr", "show", "to", nearAltAddr+"/32") != "" {
		from, to = to, from
	}
	l.near.ip(l.t, "addr", "delete", from+"/24", "dev", l.near.device)
	l.near.ip(l.t, "addr", "add", to+"/24", "dev", l.near.device)
}

// misdirect makes h send what is for addr to nobody.
func misdirect(l *lab, h host, addr string) {
	l.t.Helper()
	h.ip(l.t, "neighbour", "replace", addr, "lladdr", nobody, "dev", h.device, "nud", "permanent")
}

func redirect(l *lab, h host, addr string) {
	l.t.Helper()
	h.ip(l.t, "neighbour", "delete", addr, "dev", h.device)
}

// cut cuts, waits until a carrier that was there is given up, heals, and waits for a carrier that was not there before.
func (l *lab) cut(c cut) {
	l.t.Helper()
	near, far := l.near.carriers(l.t), l.far.carriers(l.t)
	if len(near) == 0 || len(far) == 0 {
		l.t.Fatalf("%s: no carrier to cut", c.name)
	}
	c.apply(l)
	if c.heal != nil {
		l.eventually(c.name+": an end gives up its carrier", func() bool {
			return gone(near, l.near.carriers(l.t)) || gone(far, l.far.carriers(l.t))
		})
		c.heal(l)
	}
	l.eventually(c.name+": there is a new carrier", func() bool {
		return fresh(near, l.near.carriers(l.t)) && fresh(far, l.far.carriers(l.t))
	})
}

func gone(before, now map[string]bool) bool {
	return !slices.ContainsFunc(slices.Collect(maps.Keys(before)), func(end string) bool { return now[end] })
}

func fresh(before, now map[string]bool) bool {
	return slices.ContainsFunc(slices.Collect(maps.Keys(now)), func(end string) bool { return !before[end] })
}
