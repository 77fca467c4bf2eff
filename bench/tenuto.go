package bench

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/endpoint"
)

// tenutoOver is a session for each stream, all on one bridge, which one carrier of a kind carries.
type tenutoOver struct{ network carrier.Network }

type tenutoServer struct {
	*tenuto.Endpoint
	addr string
}

func (s tenutoServer) Addr() string { return s.addr }

func (s tenutoOver) Listen(handle func(net.Conn)) (server, error) {
	return s.listen(endpointConfig(1, nil), handle)
}

func (s tenutoOver) listen(cfg *tenuto.EndpointConfig, handle func(net.Conn)) (server, error) {
	cfg.Carriers = []carrier.Network{anyHost{s.network, "127.0.0.1:0"}}
	return listenSessions(cfg, anyHostScheme+"://here", handle)
}

// listenSessions serves the sessions that come to an endpoint.
func listenSessions(cfg *tenuto.EndpointConfig, rawURL string, handle func(net.Conn)) (server, error) {
	ep, err := tenuto.NewEndpoint(cfg)
	if err != nil {
		return nil, err
	}
	ln, err := ep.Listen(context.Background(), rawURL, nil)
	if err != nil {
		_ = ep.Close()
		return nil, err
	}
	go func() {
		for {
			s, err := ln.Accept(context.Background())
			if err != nil {
				return
			}
			go handle(s.Conn())
		}
	}()
	return tenutoServer{ep, ln.Addr().String()}, nil
}

// endpointConfig is what the client's endpoint, 0, and the server's, 1, are made with. Each knows the keys of all.
func endpointConfig(end byte, network carrier.Network) *tenuto.EndpointConfig {
	return &tenuto.EndpointConfig{
		Key:      benchKey(end),
		Carriers: []carrier.Network{network},
		Peers:    knownPeers{publicKey(0), publicKey(1), publicKey(hostileEnd)},
		// No benchmark but those of hostile peers may come to a limit: thousands of bridges come from one key.
		Limits: tenuto.Limits{HalfOpen: many, Bridges: many, Streams: many, BridgeBytes: 1 << 40, ProcessBytes: 1 << 40},
	}
}

// many is more than any benchmark has of anything.
const many = 1 << 17

type tenutoClient struct{ *tenuto.Endpoint }

func (s tenutoOver) Connect(addr string) (client, error) { return s.connect(addr, 0) }

// ConnectParking connects a client that gives the carriers of its bridges up after a second in which nothing happens.
func (s tenutoOver) ConnectParking(addr string) (parking, error) { return s.connect(addr, time.Second) }

func (s tenutoOver) connect(addr string, park time.Duration) (tenutoClient, error) {
	cfg := endpointConfig(0, anyHost{s.network, addr})
	cfg.Park, cfg.ParkPoll = park, -1
	ep, err := tenuto.NewEndpoint(cfg)
	if err != nil {
		return tenutoClient{}, err
	}
	return tenutoClient{ep}, nil
}

func (c tenutoClient) Open() (net.Conn, error) {
	s, err := c.Dial(context.Background(), anyHostScheme+"://shared/bench", nil)
	if err != nil {
		return nil, err
	}
	return s.Conn(), nil
}

// OpenApart opens the only session on bridge i. When it is closed, so is the bridge.
func (c tenutoClient) OpenApart(i int) (net.Conn, error) {
	s, err := c.Dial(context.Background(), fmt.Sprintf("%s://%d/bench", anyHostScheme, i), nil)
	if err != nil {
		return nil, err
	}
	return onBridge{s.Conn(), s.Bridge()}, nil
}

// Parked tells how many bridges have no carrier and want none.
func (c tenutoClient) Parked() (n int) {
	for _, br := range c.Bridges() {
		if br.Info().State == endpoint.StateParked {
			n++
		}
	}
	return n
}

// onBridge is a session with a bridge of its own.
type onBridge struct {
	*tenuto.Conn
	bridge *tenuto.Bridge
}

// Close aborts the session, tells the peer that the bridge ends, and does not wait.
func (o onBridge) Close() error { return o.bridge.Close() }

// anyHost is a network on which all host names are one address: an endpoint has one bridge for each name.
type anyHost struct {
	carrier.Network
	addr string
}

const anyHostScheme = "any"

func (anyHost) Scheme() string { return anyHostScheme }

func (nw anyHost) Dial(ctx context.Context, _ *url.URL) (carrier.Conn, error) {
	return nw.Network.Dial(ctx, nw.url())
}

func (nw anyHost) Listen(ctx context.Context, _ *url.URL) (carrier.Listener, error) {
	return nw.Network.Listen(ctx, nw.url())
}

func (nw anyHost) url() *url.URL { return &url.URL{Scheme: nw.Network.Scheme(), Host: nw.addr} }
