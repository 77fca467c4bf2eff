package tenuto

import (
	"net"
	"testing"
	"time"

	"golang.org/x/net/nettest"

	"github.com/tenuto-session/tenuto/transport/transporttest"
)

func TestConnNettest(t *testing.T) {
	for name, o := range map[string]transporttest.Options{"expedited": {}, "normal": {NoExpedited: true}, "narrow": {Window: 1000}} {
		for _, size := range []int{0, 512} {
			t.Run(name, func(t *testing.T) {
				nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
					// The suite closes one end after the other, while nobody reads.
					a, b, _ := conns(t, o, &Config{Linger: 20 * time.Millisecond, TSDUSize: size})
					return a, b, func() { a.Close(); b.Close() }, nil
				})
			})
		}
	}
}
