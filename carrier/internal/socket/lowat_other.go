//go:build !darwin && !linux

package socket

import "syscall"

// setNotSentLowat does nothing: the system has no such option.
func setNotSentLowat(syscall.RawConn) error { return nil }
