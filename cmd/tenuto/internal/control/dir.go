package control

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// Dir is the folder of the user's sockets: tenuto in $XDG_RUNTIME_DIR, which counts if it is absolute and the user's own (it is
// not after sudo -E), else in /run/user/UID, else tenuto-UID in the folder for temporary files.
func Dir() string {
	for _, dir := range []string{os.Getenv("XDG_RUNTIME_DIR"), "/run/user/" + strconv.Itoa(os.Geteuid())} {
		if info, err := os.Stat(dir); filepath.IsAbs(dir) && err == nil && info.IsDir() && isOurs(info) {
			return filepath.Join(dir, "tenuto")
		}
	}
	return filepath.Join(os.TempDir(), "tenuto-"+strconv.Itoa(os.Geteuid()))
}

// makeDir makes the folder, unless it is there, and checks it.
func makeDir(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("control: %w", err)
	}
	return checkDir(dir)
}

// checkDir refuses a folder in which somebody else could answer in our name, or look on. A symbolic link is refused too: in a
// folder for temporary files anybody may have made it.
func checkDir(dir string) error {
	info, err := os.Lstat(dir)
	switch {
	case err != nil:
		return fmt.Errorf("control: %w", err)
	case !info.IsDir():
		return fmt.Errorf("control: %s is not a folder: remove it, control sockets are to be there", dir)
	case !isOurs(info):
		return fmt.Errorf("control: %s belongs to another user: name a folder of your own by XDG_RUNTIME_DIR", dir)
	case !isPrivate(info):
		return fmt.Errorf("control: %s has mode %#o, so that others can reach what is in it: run chmod 700 %s", dir, uint32(info.Mode().Perm()), dir)
	}
	return nil
}
