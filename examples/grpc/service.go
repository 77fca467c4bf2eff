package main

import (
	"encoding/json"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Range is the request: count from From to To, one number every Every.
type Range struct {
	From, To int
	Every    time.Duration
}

// Number is an answer, of which a stream has many.
type Number struct{ N int }

// counter is what protoc would make of a service with one method that returns a stream.
var counter = grpc.ServiceDesc{
	ServiceName: "tenuto.examples.Counter",
	HandlerType: (*any)(nil),
	Streams:     []grpc.StreamDesc{{StreamName: "Count", Handler: handleCount, ServerStreams: true}},
}

const countMethod = "/tenuto.examples.Counter/Count"

func handleCount(_ any, stream grpc.ServerStream) error {
	var r Range
	if err := stream.RecvMsg(&r); err != nil {
		return err
	}
	if r.Every < 0 {
		return status.Error(codes.InvalidArgument, "every: less than 0")
	}
	for n := r.From; n <= r.To; n++ {
		if err := stream.SendMsg(&Number{n}); err != nil {
			return err
		}
		if r.Every == 0 {
			continue
		}
		select {
		case <-time.After(r.Every):
		case <-stream.Context().Done():
			return stream.Context().Err()
		}
	}
	return nil
}

// jsonCodec has messages in JSON in place of Protocol Buffers.
type jsonCodec struct{}

func (jsonCodec) Marshal(v any) ([]byte, error)      { return json.Marshal(v) }
func (jsonCodec) Unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }
func (jsonCodec) Name() string                       { return "json" }
