package main

import (
	"context"
	"errors"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

var leaseStories = []story{
	{name: "lease kept alive", tell: leaseKeptAlive},
	{name: "lease runs out", tell: leaseRunsOut},
	{name: "lease revoked", tell: leaseRevoked},
	{name: "leases listed", tell: leasesListed},
}

func grantOf(id clientv3.LeaseID) *pb.LeaseGrantRequest {
	return &pb.LeaseGrantRequest{ID: int64(id), TTL: 100}
}

func withCancel(t *teller) (context.Context, context.CancelFunc) { return context.WithCancel(t.ctx) }

// A lease outlives several times its time to live as long as its client does.
func leaseKeptAlive(t *teller) {
	lease := must(t.client.Grant(t.ctx, 2))
	must(t.client.Put(t.ctx, t.prefix+"a", "1", clientv3.WithLease(lease.ID)))
	alive := must(t.client.KeepAlive(t.ctx, lease.ID))
	started := time.Now()
	for time.Since(started) < 4*time.Second {
		same("renewed for", soon(t, "a renewal", alive).TTL, int64(2))
	}
	same("the key is there", must(t.client.Get(t.ctx, t.prefix+"a")).Count, int64(1))
	once := must(t.client.KeepAliveOnce(t.ctx, lease.ID))
	same("once", once.TTL, int64(2))
}

func leaseRunsOut(t *teller) {
	lease := must(t.client.Grant(t.ctx, 1))
	for _, key := range []string{"a", "b"} {
		must(t.client.Put(t.ctx, t.prefix+key, "1", clientv3.WithLease(lease.ID)))
	}
	watch := t.client.Watch(t.ctx, t.prefix, clientv3.WithPrefix(), clientv3.WithPrevKV())
	gone := events(t, watch, 2)
	for _, event := range gone {
		same("deleted", event.Type, clientv3.EventTypeDelete)
		same("its value before", string(event.PrevKv.Value), "1")
	}
	same("one revision", gone[0].Kv.ModRevision, gone[1].Kv.ModRevision)
	same("time to live then", must(t.client.TimeToLive(t.ctx, lease.ID)).TTL, int64(-1))
	if _, err := t.client.KeepAliveOnce(t.ctx, lease.ID); !errors.Is(err, rpctypes.ErrLeaseNotFound) {
		fail("%v is not ErrLeaseNotFound", err)
	}
}

func leaseRevoked(t *teller) {
	lease := must(t.client.Grant(t.ctx, 100))
	must(t.client.Put(t.ctx, t.prefix+"a", "1", clientv3.WithLease(lease.ID)))
	must(t.client.Put(t.ctx, t.prefix+"b", "1", clientv3.WithLease(lease.ID)))
	must(t.client.Put(t.ctx, t.prefix+"b", "2"))
	alive := must(t.client.KeepAlive(t.ctx, lease.ID))
	soon(t, "a renewal", alive)
	left := must(t.client.TimeToLive(t.ctx, lease.ID, clientv3.WithAttachedKeys()))
	same("keys", len(left.Keys), 1)
	same("granted", left.GrantedTTL, int64(100))
	must(t.client.Revoke(t.ctx, lease.ID))
	same("the key", must(t.client.Get(t.ctx, t.prefix+"a")).Count, int64(0))
	same("the key that was let go", must(t.client.Get(t.ctx, t.prefix+"b")).Count, int64(1))
	if _, err := t.client.Revoke(t.ctx, lease.ID); !errors.Is(err, rpctypes.ErrLeaseNotFound) {
		fail("%v is not ErrLeaseNotFound", err)
	}
}

func leasesListed(t *teller) {
	before := len(must(t.client.Leases(t.ctx)).Leases)
	for range 5 {
		must(t.client.Grant(t.ctx, 100))
	}
	same("leases", len(must(t.client.Leases(t.ctx)).Leases), before+5)
}
