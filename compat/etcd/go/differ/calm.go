package main

import (
	"bytes"
	"slices"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
)

// calm puts keys that are equal in what an answer is sorted by into the order of their names: an etcd's sort leaves them in
// any order. Everything else stays where it is.
func calm(request, response any) {
	switch r := request.(type) {
	case *pb.RangeRequest:
		if said, ok := response.(*pb.RangeResponse); ok {
			calmRange(r, said)
		}
	case *pb.TxnRequest:
		if said, ok := response.(*pb.TxnResponse); ok {
			calmTxn(r, said)
		}
	}
}

func calmTxn(request *pb.TxnRequest, response *pb.TxnResponse) {
	operations := request.Failure
	if response.Succeeded {
		operations = request.Success
	}
	for index, operation := range operations {
		if index >= len(response.Responses) {
			return
		}
		said := response.Responses[index]
		if inner := operation.GetRequestRange(); inner != nil && said.GetResponseRange() != nil {
			calmRange(inner, said.GetResponseRange())
		}
		if inner := operation.GetRequestTxn(); inner != nil && said.GetResponseTxn() != nil {
			calmTxn(inner, said.GetResponseTxn())
		}
	}
}

func calmRange(request *pb.RangeRequest, response *pb.RangeResponse) {
	equal := func(a, b *mvccpb.KeyValue) bool {
		switch request.SortTarget {
		case pb.RangeRequest_VERSION:
			return a.Version == b.Version
		case pb.RangeRequest_CREATE:
			return a.CreateRevision == b.CreateRevision
		case pb.RangeRequest_MOD:
			return a.ModRevision == b.ModRevision
		case pb.RangeRequest_VALUE:
			return bytes.Equal(a.Value, b.Value)
		default:
			return false
		}
	}
	kvs := response.Kvs
	for from := 0; from < len(kvs); {
		to := from + 1
		for to < len(kvs) && equal(kvs[from], kvs[to]) {
			to++
		}
		slices.SortFunc(kvs[from:to], func(a, b *mvccpb.KeyValue) int { return bytes.Compare(a.Key, b.Key) })
		from = to
	}
}
