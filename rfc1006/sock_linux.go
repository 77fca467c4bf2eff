package rfc1006

import "golang.org/x/sys/unix"

// unacked tells whether the kernel has octets that the peer's has not acknowledged, and whether the connection still lives.
func (c *Conn) unacked() (some, alive bool) {
	alive = true
	err := c.sock.raw.Control(func(fd uintptr) {
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		if err == nil {
			some, alive = info.Unacked > 0 || info.Notsent_bytes > 0, info.State != unix.BPF_TCP_CLOSE
		}
	})
	return some, alive && err == nil
}
