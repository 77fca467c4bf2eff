package scp

import "fmt"

// Reason is why a link was refused, or has ended. (decnet 1.3)
type Reason uint16

// Reasons. NoResources, NoLink and Disconnected are NSP's own, and never said by session control.
const (
	Normal          Reason = 0 // disconnected, or rejected, by the object
	NoResources     Reason = 1 // of the node, for a link
	UnknownNode     Reason = 2 // found out here: there is no such name
	ShuttingDown    Reason = 3
	UnknownObject   Reason = 4
	BadFormat       Reason = 5 // of what session control has said
	ObjectBusy      Reason = 6
	Unspecified     Reason = 7
	ThirdParty      Reason = 8 // aborted by management
	Aborted         Reason = 9 // by the object
	BadNodeName     Reason = 10
	NodeShutDown    Reason = 11
	NodeResources   Reason = 32
	ObjectResources Reason = 33
	AccessControl   Reason = 34 // user or password
	Account         Reason = 36
	NoAnswer        Reason = 38 // of the object, in time
	Unreachable     Reason = 39
	NoLink          Reason = 41
	Disconnected    Reason = 42
	FieldTooLong    Reason = 43
)

var reasonNames = map[Reason]string{Normal: "normal disconnect", NoResources: "no resources", UnknownNode: "unknown node name",
	ShuttingDown: "node is shutting down", UnknownObject: "unknown object", BadFormat: "invalid object name format", ObjectBusy: "object is too busy",
	Unspecified: "unspecified error", ThirdParty: "aborted by management", Aborted: "aborted by the object", BadNodeName: "invalid node name",
	NodeShutDown: "node was shut down", NodeResources: "no resources at the node", ObjectResources: "no resources of the object",
	AccessControl: "access control rejected", Account: "account rejected", NoAnswer: "no response from the object", Unreachable: "node is unreachable",
	NoLink: "no such link", Disconnected: "disconnect complete", FieldTooLong: "field too long"}

func (r Reason) String() string {
	if s, ok := reasonNames[r]; ok {
		return s
	}
	return fmt.Sprintf("reason %d", uint16(r))
}

// Sayable tells whether session control may say the reason to a peer.
func (r Reason) Sayable() bool { return r != NoResources && r != NoLink && r != Disconnected }
