package netwatch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// groups are the changes that concern connections. rtnetlink(7)
const groups = unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR | unix.RTMGRP_IPV4_ROUTE | unix.RTMGRP_IPV6_ROUTE

// Watch calls changed after each burst of changes, until ctx ends: then it returns nil.
func Watch(ctx context.Context, changed func()) error {
	f, err := open()
	if err != nil {
		return fmt.Errorf("netwatch: %w", err)
	}
	defer f.Close()
	stop := context.AfterFunc(ctx, func() { f.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	for {
		if err := read(f); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("netwatch: %w", err)
		}
		for end := time.Now().Add(longest); time.Now().Before(end); {
			f.SetReadDeadline(time.Now().Add(calm))
			if read(f) != nil {
				break
			}
		}
		f.SetReadDeadline(time.Time{})
		if ctx.Err() != nil {
			return nil
		}
		changed()
	}
}

func open() (*os.File, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("bind", err)
	}
	return os.NewFile(uintptr(fd), "rtnetlink"), nil
}

// read takes one message. What it says does not matter, nor that some were lost.
func read(f *os.File) error {
	_, err := f.Read(make([]byte, 4096))
	if errors.Is(err, unix.ENOBUFS) {
		return nil
	}
	return err
}
