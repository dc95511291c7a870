package main

import (
	"fmt"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	recipe "go.etcd.io/etcd/client/v3/experimental/recipes"
	"go.etcd.io/etcd/client/v3/leasing"
	"go.etcd.io/etcd/client/v3/mirror"
	"go.etcd.io/etcd/client/v3/namespace"
	"go.etcd.io/etcd/client/v3/ordering"
)

var helperStories = []story{
	{name: "namespace", tell: namespaces},
	{name: "mirror", tell: mirrors},
	{name: "leasing", tell: leasingCache},
	{name: "ordering", tell: orderedReads},
	{name: "recipes", tell: recipes},
}

func namespaces(t *teller) {
	inside := t.another()
	defer func() { _ = inside.Close() }()
	inside.KV = namespace.NewKV(inside.KV, t.prefix)
	inside.Watcher = namespace.NewWatcher(inside.Watcher, t.prefix)
	inside.Lease = namespace.NewLease(inside.Lease, t.prefix)
	watch := inside.Watch(t.ctx, "a", clientv3.WithCreatedNotify())
	soon(t, "the notification", watch)
	must(inside.Put(t.ctx, "a", "1"))
	same("outside", string(must(t.client.Get(t.ctx, t.prefix+"a")).Kvs[0].Value), "1")
	same("inside", string(must(inside.Get(t.ctx, "", clientv3.WithPrefix())).Kvs[0].Key), "a")
	same("event", string(events(t, watch, 1)[0].Kv.Key), "a")
	lease := must(inside.Grant(t.ctx, 100))
	must(inside.Put(t.ctx, "leased", "1", clientv3.WithLease(lease.ID)))
	left := must(inside.TimeToLive(t.ctx, lease.ID, clientv3.WithAttachedKeys()))
	same("lease's key", string(left.Keys[0]), "leased")
	done := must(inside.Txn(t.ctx).If(clientv3.Compare(clientv3.Value("a"), "=", "1")).Then(clientv3.OpGet("a")).Commit())
	same("transaction", string(done.Responses[0].GetResponseRange().Kvs[0].Key), "a")
}

func mirrors(t *teller) {
	for index := range 50 {
		must(t.client.Put(t.ctx, fmt.Sprintf("%s%02d", t.prefix, index), "x"))
	}
	syncer := mirror.NewSyncer(t.client, t.prefix, 0)
	base, problems := syncer.SyncBase(t.ctx)
	copied := 0
	for page := range base {
		copied += len(page.Kvs)
	}
	for err := range problems {
		check(err)
	}
	same("copied", copied, 50)
	updates := syncer.SyncUpdates(t.ctx)
	must(t.client.Put(t.ctx, t.prefix+"new", "1"))
	must(t.client.Delete(t.ctx, t.prefix+"00"))
	told := events(t, updates, 2)
	same("the new one", string(told[0].Kv.Key), t.prefix+"new")
	same("the deleted one", told[1].Type, clientv3.EventTypeDelete)
}

// A cached key is given up by its owner when another writes it.
func leasingCache(t *teller) {
	other := t.another()
	defer func() { _ = other.Close() }()
	one, closeOne, err := leasing.NewKV(t.client, t.prefix+"leases/")
	check(err)
	defer closeOne()
	two, closeTwo, err := leasing.NewKV(other, t.prefix+"leases/")
	check(err)
	defer closeTwo()
	key := t.prefix + "key"
	must(one.Put(t.ctx, key, "1"))
	same("read", string(must(one.Get(t.ctx, key)).Kvs[0].Value), "1")
	same("read again", string(must(one.Get(t.ctx, key)).Kvs[0].Value), "1")
	must(two.Put(t.ctx, key, "2"))
	same("after the other", string(must(one.Get(t.ctx, key)).Kvs[0].Value), "2")
	must(one.Delete(t.ctx, key))
	same("deleted", must(two.Get(t.ctx, key)).Count, int64(0))
}

func orderedReads(t *teller) {
	kv := ordering.NewKV(t.client.KV, func(clientv3.Op, clientv3.OpResponse, int64) error {
		return ordering.ErrNoGreaterRev
	})
	must(kv.Put(t.ctx, t.prefix+"a", "1"))
	for range 20 {
		must(kv.Get(t.ctx, t.prefix+"a", clientv3.WithSerializable()))
	}
}

func recipes(t *teller) {
	queue := recipe.NewQueue(t.client, t.prefix+"queue")
	for _, job := range []string{"1", "2", "3"} {
		check(queue.Enqueue(job))
	}
	for _, wanted := range []string{"1", "2", "3"} {
		same("job", must(queue.Dequeue()), wanted)
	}
	urgent := recipe.NewPriorityQueue(t.client, t.prefix+"urgent")
	check(urgent.Enqueue("later", 5))
	check(urgent.Enqueue("now", 1))
	same("first", must(urgent.Dequeue()), "now")
	barrier := recipe.NewBarrier(t.client, t.prefix+"barrier")
	check(barrier.Hold())
	passed := make(chan error, 1)
	go func() { passed <- recipe.NewBarrier(t.client, t.prefix+"barrier").Wait() }()
	check(barrier.Release())
	check(soon(t, "the barrier", passed))
	s := newSession(t.client, 10)
	readers := recipe.NewRWMutex(s, t.prefix+"rw")
	check(readers.RLock())
	another := must(concurrency.NewSession(t.client))
	check(recipe.NewRWMutex(another, t.prefix+"rw").RLock())
	check(another.Close())
	check(readers.RUnlock())
	check(readers.Lock())
	check(readers.Unlock())
	check(s.Close())
}
