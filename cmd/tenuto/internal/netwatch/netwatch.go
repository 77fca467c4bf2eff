// Package netwatch tells when the machine's network changes: a link that goes up or down, an address or a route that comes or
// goes.
//
//	err := netwatch.Watch(ctx, ep.Nudge)
//
// # Limitations
//
// Only Linux tells (rtnetlink). On other systems Watch returns errors.ErrUnsupported.
package netwatch

import "time"

// calm is how long nothing more must change until it is told: changes come in bursts.
const calm = 100 * time.Millisecond

// longest is how long a burst may put that off.
const longest = time.Second
