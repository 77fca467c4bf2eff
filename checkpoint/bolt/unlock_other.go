//go:build !unix || aix || solaris

package bolt

import "os"

// unlock has nothing to do where a lock goes with the process's handle of a file.
func unlock(*os.File) {}
