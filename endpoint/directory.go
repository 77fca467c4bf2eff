package endpoint

import (
	"errors"
	"sync"

	"github.com/tenuto-session/tenuto/bridge"
)

// Directory says which endpoint owns a bridge, and since which epoch. With one process it is a map; where several share bridges it
// fences those that have lost them.
type Directory interface {
	// Claim makes owner the owner of the bridge as of epoch. It returns ErrFenced if the bridge was claimed with that
	// epoch or a later one.
	Claim(id bridge.ID, owner string, epoch uint64) error
	// Lookup tells the owner and its epoch.
	Lookup(id bridge.ID) (owner string, epoch uint64, ok bool)
	// Release forgets the bridge, if owner has it.
	Release(id bridge.ID, owner string)
}

// ErrFenced is what Claim returns to who comes too late.
var ErrFenced = errors.New("endpoint: the bridge was claimed with a later epoch")

// NewDirectory makes a Directory for one process.
func NewDirectory() Directory { return &mapDirectory{m: map[bridge.ID]claim{}} }

type claim struct {
	owner string
	epoch uint64
}

type mapDirectory struct {
	mu sync.Mutex
	m  map[bridge.ID]claim
}

func (d *mapDirectory) Claim(id bridge.ID, owner string, epoch uint64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if c, ok := d.m[id]; ok && c.epoch >= epoch {
		return ErrFenced
	}
	d.m[id] = claim{owner, epoch}
	return nil
}

func (d *mapDirectory) Lookup(id bridge.ID) (string, uint64, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, ok := d.m[id]
	return c.owner, c.epoch, ok
}

func (d *mapDirectory) Release(id bridge.ID, owner string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.m[id].owner == owner {
		delete(d.m, id)
	}
}
