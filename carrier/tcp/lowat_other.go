//go:build !darwin && !linux

package tcp

import "syscall"

// setNotSentLowat does nothing: the system has no such option.
func setNotSentLowat(syscall.RawConn) error { return nil }
