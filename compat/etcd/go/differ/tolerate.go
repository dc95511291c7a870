package main

import (
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
)

// tolerated says whether a difference is one of those that etcd made between 3.4 and today.
func tolerated(newer, older answer) bool {
	switch newer.request.(type) {
	case *pb.HashKVRequest:
		// The revision of the hash came later; the hash itself is the same.
		return !newer.refused && !older.refused && hashOf(newer.text) == hashOf(older.text)
	case *pb.TxnRequest:
		// Where there are two reasons to refuse, the generations find another one first.
		return newer.refused && older.refused
	default:
		return false
	}
}
