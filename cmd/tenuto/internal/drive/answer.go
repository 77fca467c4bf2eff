package drive

import (
	"context"

	"github.com/tenuto-session/tenuto"
)

// answerVerb is the line that answers an indication; empty if nothing does.
func answerVerb(ind tenuto.Indication) string {
	switch ind.(type) {
	case tenuto.CapabilityInd:
		return "capability-response"
	case tenuto.SyncMajorInd:
		return "confirm"
	case tenuto.ResyncInd:
		return "resync-response"
	case tenuto.ActivityInterruptInd, tenuto.ActivityDiscardInd, tenuto.ActivityEndInd:
		return "activity-response"
	case tenuto.ReleaseInd:
		return "release-response"
	case tenuto.SyncMinorInd:
		return "confirm"
	}
	return ""
}

// answer answers an indication by itself, positively. A minor synchronization point is confirmed if its sender asks for that.
func answer(ctx context.Context, s *tenuto.Session, ind tenuto.Indication) (answered bool, err error) {
	switch i := ind.(type) {
	case tenuto.CapabilityInd:
		return true, s.RespondCapability(ctx, i.Data)
	case tenuto.SyncMinorInd:
		if i.Type&tenuto.Optional != 0 {
			return false, nil
		}
		return true, s.ConfirmSync(ctx, i.Serial, nil)
	case tenuto.SyncMajorInd:
		return true, s.ConfirmSync(ctx, i.Serial, nil)
	case tenuto.ResyncInd:
		return true, s.RespondResync(ctx, i.Serial, 0, nil)
	case tenuto.ActivityInterruptInd:
		return true, s.RespondInterrupt(ctx, nil)
	case tenuto.ActivityDiscardInd:
		return true, s.RespondDiscard(ctx, nil)
	case tenuto.ActivityEndInd:
		return true, s.RespondEnd(ctx, nil)
	case tenuto.ReleaseInd:
		return true, s.RespondRelease(ctx, nil)
	}
	return false, nil
}
