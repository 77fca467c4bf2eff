//go:build !linux

package transfer

import "os"

// startWriting does nothing: the system begins to write to the disk when it likes, or at a commit.
func startWriting(*os.File, int64, int64) {}
