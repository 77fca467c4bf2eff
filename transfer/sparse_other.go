//go:build !linux

package transfer

import "io/fs"

// segments knows of no holes here: all octets of a file are sent.
func segments(string, fs.FileInfo) ([]segment, error) { return nil, nil }
