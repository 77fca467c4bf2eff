//go:build !linux

package netwatch

import (
	"context"
	"errors"
	"fmt"
)

// Watch returns errors.ErrUnsupported.
func Watch(context.Context, func()) error {
	return fmt.Errorf("netwatch: %w", errors.ErrUnsupported)
}
