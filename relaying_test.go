package tenuto_test

import (
	"context"
	"log/slog"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/relay"
)

func init() {
	tenuto.RelayConfig = &tenuto.Config{Units: relay.Units, Relay: true}
	tenuto.PassOn = func(ctx context.Context, in *tenuto.Incoming, dial func(context.Context, *tenuto.Config) (*tenuto.Session, error)) error {
		return (&relay.Relay{Dial: func(ctx context.Context, _ *tenuto.Incoming, cfg *tenuto.Config) (*tenuto.Session, error) {
			return dial(ctx, cfg)
		}, Logger: slog.New(slog.DiscardHandler)}).Pass(ctx, in)
	}
}
