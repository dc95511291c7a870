package main

import (
	"crypto/sha256"
	"io"

	clientv3 "go.etcd.io/etcd/client/v3"
)

var maintenanceStories = []story{
	{name: "status", tell: status},
	{name: "members", tell: members},
	{name: "snapshot", tell: snapshot},
	{name: "snapshot with a version", tell: snapshotWithVersion, newer: true},
	{name: "defragment", tell: defragment},
}

func status(t *teller) {
	revision := must(t.client.Put(t.ctx, t.prefix+"a", "1")).Header.Revision
	got := must(t.client.Status(t.ctx, t.endpoint))
	same("leader", got.Leader, got.Header.MemberId)
	same("learner", got.IsLearner, false)
	same("errors", len(got.Errors), 0)
	if got.Header.Revision < revision || got.DbSize <= 0 || got.RaftIndex == 0 || got.RaftTerm == 0 || got.Version == "" {
		fail("%v", got)
	}
	same("alarms", len(must(t.client.AlarmList(t.ctx)).Alarms), 0)
	hash := must(t.client.HashKV(t.ctx, t.endpoint, 0))
	same("the hash stays", must(t.client.HashKV(t.ctx, t.endpoint, hash.Header.Revision)).Hash, hash.Hash)
	must(t.client.Put(t.ctx, t.prefix+"a", "2"))
	if must(t.client.HashKV(t.ctx, t.endpoint, 0)).Hash == hash.Hash {
		fail("a write does not change the hash")
	}
}

func members(t *teller) {
	all := must(t.client.MemberList(t.ctx)).Members
	same("members", len(all), 1)
	same("itself", all[0].ID, must(t.client.Status(t.ctx, t.endpoint)).Header.MemberId)
	same("client urls", len(all[0].ClientURLs) > 0, true)
	// A client that looks for the members' addresses must be able to go on with them.
	check(t.client.Sync(t.ctx))
	must(t.client.Put(t.ctx, t.prefix+"a", "1"))
}

// The stream ends with the checksum of what came before.
func snapshot(t *teller) {
	must(t.client.Put(t.ctx, t.prefix+"a", "1"))
	reader := must(t.client.Snapshot(t.ctx))
	verify(must(io.ReadAll(reader)))
}

func snapshotWithVersion(t *teller) {
	response := must(t.client.SnapshotWithVersion(t.ctx))
	same("version", response.Version != "", true)
	verify(must(io.ReadAll(response.Snapshot)))
}

func verify(all []byte) {
	end := len(all) - sha256.Size
	if end <= 0 {
		fail("only %d bytes", len(all))
	}
	same("checksum", [sha256.Size]byte(all[end:]), sha256.Sum256(all[:end]))
}

func defragment(t *teller) {
	must(t.client.Put(t.ctx, t.prefix+"a", "1"))
	must(t.client.Defragment(t.ctx, t.endpoint))
	same("still there", must(t.client.Get(t.ctx, t.prefix, clientv3.WithPrefix())).Count, int64(1))
}
