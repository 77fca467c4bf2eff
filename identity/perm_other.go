//go:build !unix

package identity

import (
	"fmt"
	"io/fs"
)

// checkPrivate and checkShared look at nothing but the kind of file: the system has no mode bits.
func checkPrivate(path string, info fs.FileInfo) error { return checkShared(path, info) }

func checkShared(path string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("identity: %s is not a regular file", path)
	}
	return nil
}
