package tenuto

// Indication is an indication or confirm of the session service: one of Data, ReleaseInd and ReleaseCnf.
type Indication interface{ indication() }

// Data is a part of an S-DATA indication.
type Data struct {
	B   []byte // valid until the next Receive; may be empty with End
	End bool   // B ends with the last octet of the SSDU
}

// ReleaseInd is the S-RELEASE indication: the peer sends nothing more, and waits for RespondRelease. Until then this side may send.
type ReleaseInd struct{ Data []byte }

// ReleaseCnf is the S-RELEASE confirm.
type ReleaseCnf struct{ Data []byte }

func (Data) indication()       {}
func (ReleaseInd) indication() {}
func (ReleaseCnf) indication() {}
