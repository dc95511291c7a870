package main

import (
	"errors"
	"fmt"
	"strings"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

var watchStories = []story{
	{name: "watch in order", tell: watchInOrder},
	{name: "watch compacted", tell: watchCompacted},
	{name: "watch filters", tell: watchFilters},
	{name: "watch fragments", tell: watchFragments},
	{name: "watch progress", tell: watchProgress},
	{name: "watch a transaction", tell: watchTransaction},
	{name: "many watches", tell: manyWatches},
	{name: "watch cancelled", tell: watchCancelled},
	{name: "watch in the future", tell: watchInTheFuture},
}

// events takes this many events from a watch.
func events(t *teller, from clientv3.WatchChan, count int) []*clientv3.Event {
	var all []*clientv3.Event
	for len(all) < count {
		response := soon(t, "an event", from)
		check(response.Err())
		all = append(all, response.Events...)
	}
	return all
}

// Half of the events are past when the watch begins, half are to come; none is lost, doubled or out of order.
func watchInOrder(t *teller) {
	const half = 200
	first := must(t.client.Put(t.ctx, t.prefix+"0", "start")).Header.Revision
	write := func(from int) {
		for index := from; index < from+half; index++ {
			must(t.client.Put(t.ctx, fmt.Sprintf("%s%d", t.prefix, index%7), fmt.Sprint(index)))
		}
	}
	write(0)
	watch := t.client.Watch(t.ctx, t.prefix, clientv3.WithPrefix(), clientv3.WithRev(first+1), clientv3.WithPrevKV())
	write(half)
	last := map[string]string{t.prefix + "0": "start"}
	for index, event := range events(t, watch, 2*half) {
		same("value", string(event.Kv.Value), fmt.Sprint(index))
		same("revision", event.Kv.ModRevision, first+1+int64(index))
		before := ""
		if event.PrevKv != nil {
			before = string(event.PrevKv.Value)
		}
		same("value before", before, last[string(event.Kv.Key)])
		last[string(event.Kv.Key)] = string(event.Kv.Value)
	}
}

func watchCompacted(t *teller) {
	first := must(t.client.Put(t.ctx, t.prefix+"a", "1")).Header.Revision
	must(t.client.Put(t.ctx, t.prefix+"a", "2"))
	last := must(t.client.Put(t.ctx, t.prefix+"a", "3")).Header.Revision
	must(t.client.Compact(t.ctx, last))
	response := soon(t, "the refusal", t.client.Watch(t.ctx, t.prefix+"a", clientv3.WithRev(first)))
	if !errors.Is(response.Err(), rpctypes.ErrCompacted) {
		fail("%v is not ErrCompacted", response.Err())
	}
	same("compact revision", response.CompactRevision, last)
	// A client goes on from there.
	again := events(t, t.client.Watch(t.ctx, t.prefix+"a", clientv3.WithRev(response.CompactRevision)), 1)
	same("value", string(again[0].Kv.Value), "3")
}

func watchFilters(t *teller) {
	first := must(t.client.Put(t.ctx, t.prefix+"a", "1")).Header.Revision
	must(t.client.Delete(t.ctx, t.prefix+"a"))
	must(t.client.Put(t.ctx, t.prefix+"a", "2"))
	must(t.client.Delete(t.ctx, t.prefix+"a"))
	puts := events(t, t.client.Watch(t.ctx, t.prefix+"a", clientv3.WithRev(first), clientv3.WithFilterDelete()), 2)
	same("puts", string(puts[0].Kv.Value)+string(puts[1].Kv.Value), "12")
	same("created", puts[1].IsCreate(), true)
	deletes := events(t, t.client.Watch(t.ctx, t.prefix+"a", clientv3.WithRev(first), clientv3.WithFilterPut()), 2)
	same("deletes", deletes[0].Type == clientv3.EventTypeDelete && deletes[1].Type == clientv3.EventTypeDelete, true)
}

// Events that together are larger than a message come in pieces, and whole.
func watchFragments(t *teller) {
	value := strings.Repeat("v", 1024*1024)
	first := must(t.client.Put(t.ctx, t.prefix+"0", value)).Header.Revision
	for index := 1; index < 5; index++ {
		must(t.client.Put(t.ctx, fmt.Sprint(t.prefix, index), value))
	}
	watch := t.client.Watch(t.ctx, t.prefix, clientv3.WithPrefix(), clientv3.WithRev(first), clientv3.WithFragment())
	for index, event := range events(t, watch, 5) {
		same("key", string(event.Kv.Key), fmt.Sprint(t.prefix, index))
		same("length", len(event.Kv.Value), len(value))
	}
}

func watchProgress(t *teller) {
	revision := must(t.client.Put(t.ctx, t.prefix+"a", "1")).Header.Revision
	watch := t.client.Watch(t.ctx, t.prefix+"other", clientv3.WithCreatedNotify())
	same("created", soon(t, "the notification", watch).Created, true)
	must(t.client.Put(t.ctx, t.prefix+"a", "2"))
	check(t.client.RequestProgress(t.ctx))
	progress := soon(t, "progress", watch)
	same("is progress", progress.IsProgressNotify(), true)
	if progress.Header.Revision < revision {
		fail("progress at %d, after %d", progress.Header.Revision, revision)
	}
}

func watchTransaction(t *teller) {
	watch := t.client.Watch(t.ctx, t.prefix, clientv3.WithPrefix(), clientv3.WithCreatedNotify())
	same("created", soon(t, "the notification", watch).Created, true)
	must(t.client.Txn(t.ctx).Then(clientv3.OpPut(t.prefix+"b", "1"), clientv3.OpPut(t.prefix+"a", "2")).Commit())
	response := soon(t, "the transaction", watch)
	same("events together", len(response.Events), 2)
	same("in the order of the transaction", string(response.Events[0].Kv.Key), t.prefix+"b")
	same("one revision", response.Events[0].Kv.ModRevision, response.Events[1].Kv.ModRevision)
}

func manyWatches(t *teller) {
	const count = 200
	watches := make([]clientv3.WatchChan, count)
	for index := range watches {
		watches[index] = t.client.Watch(t.ctx, fmt.Sprint(t.prefix, index), clientv3.WithCreatedNotify())
	}
	for _, watch := range watches {
		same("created", soon(t, "the notification", watch).Created, true)
	}
	for index := range watches {
		must(t.client.Put(t.ctx, fmt.Sprint(t.prefix, index), fmt.Sprint(index)))
	}
	for index, watch := range watches {
		same("its own event", string(events(t, watch, 1)[0].Kv.Value), fmt.Sprint(index))
	}
}

func watchCancelled(t *teller) {
	ctx, cancel := withCancel(t)
	ended := t.client.Watch(ctx, t.prefix+"a", clientv3.WithCreatedNotify())
	stays := t.client.Watch(t.ctx, t.prefix+"a", clientv3.WithCreatedNotify())
	soon(t, "the notification", ended)
	soon(t, "the notification", stays)
	cancel()
	for range ended {
	}
	must(t.client.Put(t.ctx, t.prefix+"a", "1"))
	same("the other goes on", string(events(t, stays, 1)[0].Kv.Value), "1")
}

func watchInTheFuture(t *teller) {
	now := must(t.client.Put(t.ctx, t.prefix+"a", "0")).Header.Revision
	watch := t.client.Watch(t.ctx, t.prefix+"a", clientv3.WithRev(now+3), clientv3.WithCreatedNotify())
	soon(t, "the notification", watch)
	for index := 1; index <= 4; index++ {
		must(t.client.Put(t.ctx, t.prefix+"a", fmt.Sprint(index)))
	}
	told := events(t, watch, 2)
	same("from the third on", string(told[0].Kv.Value)+string(told[1].Kv.Value), "34")
}
