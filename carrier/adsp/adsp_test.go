package adsp

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/memory"
	"github.com/tenuto-session/tenuto/appletalk/node"
	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/carrier/carriertest"
)

// both dials on one node, and listens on another.
type both struct{ dials, listens *Network }

func (both) Scheme() string { return Scheme }

func (b both) Dial(ctx context.Context, u *url.URL) (carrier.Conn, error) {
	return b.dials.Dial(ctx, u)
}

func (b both) Listen(ctx context.Context, u *url.URL) (carrier.Listener, error) {
	return b.listens.Listen(ctx, u)
}

func TestCarrier(t *testing.T) {
	cable := memory.NewCable(link.LocalTalk)
	var nodes [2]*node.Node
	for i := range nodes {
		nodes[i] = node.New(cable.Attach(), node.Config{Seed: uint64(i + 1)})
		defer nodes[i].Close()
	}
	carriertest.Run(t, both{New(nodes[0]), New(nodes[1])}, Scheme+"://:0")
}

func TestURLs(t *testing.T) {
	for text, want := range map[string]string{
		"tenuto+adsp://3.10:130":                       "3.10:130",
		"tenuto+adsp://3.10:130/service":               "3.10:130",
		"tenuto+adsp://Server":                         "Server:Tenuto@*",
		"tenuto+adsp://Server:Other/x":                 "",
		"tenuto+adsp://Server@Zone":                    "Server:Tenuto@Zone",
		"tenuto+adsp://My%20Server:Other@Zone/service": "My Server:Other@Zone",
		"tenuto+adsp://Server@?zone=The%20Zone":        "Server:Tenuto@The Zone",
		"tenuto+adsp://Server?zone=The%20Zone":         "Server:Tenuto@The Zone",
		"tenuto+adsp://Server@One?zone=Two":            "the zones",
		"tenuto+adsp://Server?mode=660":                "knows only zone",
		"tenuto+adsp:///service":                       "names nothing",
		"tenuto+tcp://Server":                          "scheme",
		"tenuto+adsp://Server?zone=%zz":                "the URL's query",
	} {
		u, err := url.Parse(text)
		if err != nil {
			if want != "" {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		got, err := address(u)
		if got != want && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %q, %v; want %q", text, got, err, want)
		}
	}
}
