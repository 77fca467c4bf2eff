package memory

import (
	"testing"

	"github.com/tenuto-session/tenuto/decnet/link"
	"github.com/tenuto-session/tenuto/decnet/link/linktest"
)

func TestLink(t *testing.T) {
	t.Run("pair", func(t *testing.T) {
		linktest.Run(t, func(*testing.T) (a, b link.Link) { return Pair() })
	})
	t.Run("Ethernet", func(t *testing.T) {
		linktest.Run(t, func(*testing.T) (a, b link.Link) {
			m := NewEthernet()
			return m.Link(linktest.MacA), m.Link(linktest.MacB)
		})
	})
}
