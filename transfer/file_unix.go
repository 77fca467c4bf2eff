//go:build unix

package transfer

import "golang.org/x/sys/unix"

// openFlags are for a file that Scan found to be a regular one: if it is a link or a pipe now, it is not followed or waited for.
const openFlags = unix.O_NOFOLLOW | unix.O_NONBLOCK

// readable returns why a file cannot be read, so that it is not found out in the middle of an activity.
func readable(path string) error { return unix.Access(path, unix.R_OK) }

// syncsFolders tells whether folders can be synced, which makes the names in them durable.
const syncsFolders = true
