package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
)

// server is one of the two, with a stub for each service.
type server struct {
	kv          pb.KVClient
	lease       pb.LeaseClient
	maintenance pb.MaintenanceClient
	watch       pb.WatchClient
}

func newServer(connection *grpc.ClientConn) *server {
	return &server{
		kv:          pb.NewKVClient(connection),
		lease:       pb.NewLeaseClient(connection),
		maintenance: pb.NewMaintenanceClient(connection),
		watch:       pb.NewWatchClient(connection),
	}
}

// answer is what a server said, as a text in which nothing is left that may differ.
type answer struct {
	request  any
	text     string
	refused  bool
	revision int64
}

// answered is any response: it has a header and can print itself.
type answered interface {
	GetHeader() *pb.ResponseHeader
	String() string
}

func (s *server) ask(request any) answer {
	ctx, cancel := within()
	defer cancel()
	response, err := s.send(ctx, request)
	if err != nil {
		status := status.Convert(err)
		return answer{request: request, text: fmt.Sprintf("%v: %s", status.Code(), status.Message()), refused: true}
	}
	var revision int64
	if header := response.GetHeader(); header != nil {
		revision = header.Revision
		header.ClusterId, header.MemberId, header.RaftTerm = 0, 0, 0
	}
	calm(request, response)
	return answer{request: request, text: response.String(), revision: revision}
}

func (s *server) send(ctx context.Context, request any) (answered, error) {
	switch r := request.(type) {
	case *pb.RangeRequest:
		return s.kv.Range(ctx, r)
	case *pb.PutRequest:
		return s.kv.Put(ctx, r)
	case *pb.DeleteRangeRequest:
		return s.kv.DeleteRange(ctx, r)
	case *pb.TxnRequest:
		return s.kv.Txn(ctx, r)
	case *pb.CompactionRequest:
		return s.kv.Compact(ctx, r)
	case *pb.LeaseGrantRequest:
		return s.lease.LeaseGrant(ctx, r)
	case *pb.LeaseRevokeRequest:
		return s.lease.LeaseRevoke(ctx, r)
	case *pb.LeaseTimeToLiveRequest:
		return s.timeToLive(ctx, r)
	case *pb.LeaseLeasesRequest:
		return s.leases(ctx, r)
	case *pb.HashKVRequest:
		return s.maintenance.HashKV(ctx, r)
	case *pb.WatchCreateRequest:
		return s.look(ctx, r)
	default:
		return nil, fmt.Errorf("a request of type %T", request)
	}
}

// timeToLive names the rest of a lease's time, which runs, and sorts its keys, which come in any order.
func (s *server) timeToLive(ctx context.Context, r *pb.LeaseTimeToLiveRequest) (answered, error) {
	response, err := s.lease.LeaseTimeToLive(ctx, r)
	if err == nil {
		if response.TTL > response.GrantedTTL-120 && response.TTL <= response.GrantedTTL {
			response.TTL = response.GrantedTTL
		}
		slices.SortFunc(response.Keys, slices.Compare)
	}
	return response, err
}

func (s *server) leases(ctx context.Context, r *pb.LeaseLeasesRequest) (answered, error) {
	response, err := s.lease.LeaseLeases(ctx, r)
	if err == nil {
		slices.SortFunc(response.Leases, func(a, b *pb.LeaseStatus) int { return int(a.ID - b.ID) })
	}
	return response, err
}

// look opens a watch of the past and gathers what it tells until it is cancelled or has caught up: only then does a
// stream tell its progress when it is asked to.
func (s *server) look(ctx context.Context, r *pb.WatchCreateRequest) (answered, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := s.watch.Watch(ctx)
	if err != nil {
		return nil, err
	}
	create := &pb.WatchRequest{RequestUnion: &pb.WatchRequest_CreateRequest{CreateRequest: r}}
	if err := stream.Send(create); err != nil {
		return nil, err
	}
	go keepAsking(ctx, stream)
	told := &pb.WatchResponse{}
	var said []string
	for {
		response, err := stream.Recv()
		if err != nil {
			return nil, err
		}
		if response.Created || response.Canceled {
			said = append(said, fmt.Sprintf("id %d created %v canceled %v compacted at %d because %q",
				response.WatchId, response.Created, response.Canceled, response.CompactRevision, response.CancelReason))
		}
		told.Events = append(told.Events, response.Events...)
		isProgress := len(response.Events) == 0 && !response.Created && !response.Canceled
		if response.Canceled || isProgress {
			break
		}
	}
	told.CancelReason = strings.Join(said, "; ")
	return told, nil
}

// keepAsking asks for progress until it is told: a server that has not caught up keeps silent.
func keepAsking(ctx context.Context, stream pb.Watch_WatchClient) {
	progress := &pb.WatchRequest{RequestUnion: &pb.WatchRequest_ProgressRequest{ProgressRequest: &pb.WatchProgressRequest{}}}
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if stream.Send(progress) != nil {
				return
			}
		}
	}
}

func describe(request any) string {
	text := fmt.Sprintf("%v", request)
	return fmt.Sprintf("%s{%s}", strings.TrimPrefix(fmt.Sprintf("%T", request), "*etcdserverpb."), text)
}

// compareHistories compares, after everything, all keys, the hash of all of history, and every event since the compaction.
func compareHistories(a, b *server, g *generator) error {
	everything := []byte{0}
	requests := []any{&pb.RangeRequest{Key: everything, RangeEnd: everything}, &pb.HashKVRequest{}}
	if !g.older {
		watch := &pb.WatchCreateRequest{Key: everything, RangeEnd: everything, StartRevision: g.compacted + 1, PrevKv: true}
		requests = append(requests, watch)
	}
	for _, request := range requests {
		fromA, fromB := a.ask(request), b.ask(request)
		if _, isHash := request.(*pb.HashKVRequest); isHash {
			fromA.text, fromB.text = hashOf(fromA.text), hashOf(fromB.text)
		}
		if fromA.refused || fromA.text != fromB.text {
			return fmt.Errorf("at the end: %s\n  first:  %s\n  second: %s", describe(request), short(fromA.text), short(fromB.text))
		}
	}
	return nil
}

// hashOf leaves out fields that came after 3.4.
func hashOf(text string) string {
	for _, word := range strings.Fields(text) {
		if strings.HasPrefix(word, "hash:") {
			return word
		}
	}
	return text
}
