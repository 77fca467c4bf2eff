package port

import (
	"time"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/elap"
	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/llap"
)

// Dest is whom on the link a datagram goes to.
type Dest struct {
	addr  ddp.Addr
	group link.Hardware // of several stations
}

// ToNode is a station, or all of them if the address is that of a broadcast.
func ToNode(a ddp.Addr) Dest {
	if a.Node == ddp.Broadcast {
		return ToAll()
	}
	return Dest{addr: a}
}

// ToAll is all stations.
func ToAll() Dest { return Dest{addr: ddp.Addr{Node: ddp.Broadcast}, group: elap.Broadcast} }

// ToGroup is the stations that listen to a multicast address; on LocalTalk all of them, and so if there is none.
func ToGroup(hw link.Hardware) Dest {
	if hw.IsZero() {
		return ToAll()
	}
	return Dest{addr: ddp.Addr{Node: ddp.Broadcast}, group: hw}
}

// Send makes a frame of a datagram. It has the short header where that says enough: between stations of one nonextended network.
func (p *Port) Send(now time.Time, d *ddp.Datagram, to Dest, out *link.Output) {
	if !p.Ready() {
		p.Drop(now, NotUp, out)
		return
	}
	if p.ether != nil {
		p.sendEther(now, d, to, out)
		return
	}
	node := p.local.Node()
	short := d.Hops == 0 && d.Src.Node == node && to.addr.Node == d.Dst.Node && ddp.SameNet(d.Src.Net, p.Net) && ddp.SameNet(d.Dst.Net, p.Net)
	p.sendLocal(now, d, to, short, out)
}

// SendLong is Send with the long header in any case.
func (p *Port) SendLong(now time.Time, d *ddp.Datagram, to Dest, out *link.Output) {
	if p.ether != nil || !p.Ready() {
		p.Send(now, d, to, out)
		return
	}
	p.sendLocal(now, d, to, false, out)
}

func (p *Port) sendLocal(now time.Time, d *ddp.Datagram, to Dest, short bool, out *link.Output) {
	b := out.Begin()
	var err error
	if short {
		b, err = d.AppendShort(append(b, to.addr.Node, p.local.Node(), byte(llap.TypeShort)))
	} else {
		b, err = d.AppendLong(append(b, to.addr.Node, p.local.Node(), byte(llap.TypeLong)))
	}
	if err != nil {
		p.failed(now, BadDatagram, err, out)
		return
	}
	out.End(p.Index, b)
}

func (p *Port) sendEther(now time.Time, d *ddp.Datagram, to Dest, out *link.Output) {
	hw := to.group
	if hw.IsZero() {
		var err error
		if p.scratch, err = d.AppendLong(p.scratch[:0]); err != nil {
			p.failed(now, BadDatagram, err, out)
			return
		}
		var ok bool
		if hw, ok = p.ether.Resolve(now, to.addr, p.scratch); !ok {
			p.drain(now, out)
			return
		}
	}
	b := out.Begin()
	at := len(b)
	b, err := d.AppendLong(elap.Begin(b, hw, p.Hardware, elap.Data))
	if err != nil {
		p.failed(now, BadDatagram, err, out)
		return
	}
	out.End(p.Index, elap.Finish(b, at))
}
