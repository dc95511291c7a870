package main

import (
	"errors"
	"fmt"
	"strings"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

var kvStories = []story{
	{name: "pages of a prefix", tell: pages},
	{name: "first and last", tell: firstAndLast},
	{name: "nested transaction", tell: nestedTransaction},
	{name: "transaction compares a range", tell: transactionComparesRange},
	{name: "optimistic update", tell: optimisticUpdate},
	{name: "errors have their types", tell: errorTypes},
	{name: "history", tell: history},
}

// A long list is read in pages at one revision, while others write.
func pages(t *teller) {
	const count = 1000
	for index := range count {
		must(t.client.Put(t.ctx, fmt.Sprintf("%s%04d", t.prefix, index), "x"))
	}
	first := must(t.client.Get(t.ctx, t.prefix, clientv3.WithPrefix(), clientv3.WithLimit(300)))
	same("count", first.Count, int64(count))
	same("more", first.More, true)
	must(t.client.Delete(t.ctx, t.prefix+"0999"))
	must(t.client.Put(t.ctx, t.prefix+"0500a", "new"))
	seen, from := len(first.Kvs), string(first.Kvs[len(first.Kvs)-1].Key)+"\x00"
	for more := first.More; more; {
		page := must(t.client.Get(t.ctx, from, clientv3.WithRange(clientv3.GetPrefixRangeEnd(t.prefix)),
			clientv3.WithLimit(300), clientv3.WithRev(first.Header.Revision)))
		seen, more = seen+len(page.Kvs), page.More
		from = string(page.Kvs[len(page.Kvs)-1].Key) + "\x00"
	}
	same("keys seen", seen, count)
}

func firstAndLast(t *teller) {
	for _, key := range []string{"b", "a", "c"} {
		must(t.client.Put(t.ctx, t.prefix+key, "x"))
	}
	must(t.client.Put(t.ctx, t.prefix+"b", "y"))
	for _, wanted := range []struct {
		key     string
		options []clientv3.OpOption
	}{
		{"a", clientv3.WithFirstKey()},
		{"c", clientv3.WithLastKey()},
		{"b", clientv3.WithFirstCreate()},
		{"c", clientv3.WithLastCreate()},
		{"a", clientv3.WithFirstRev()},
		{"b", clientv3.WithLastRev()},
	} {
		got := must(t.client.Get(t.ctx, t.prefix, wanted.options...))
		same("keys", len(got.Kvs), 1)
		same("key", string(got.Kvs[0].Key), t.prefix+wanted.key)
	}
}

func nestedTransaction(t *teller) {
	inner := clientv3.OpTxn(
		[]clientv3.Cmp{clientv3.Compare(clientv3.Value(t.prefix+"a"), "=", "outer")},
		[]clientv3.Op{clientv3.OpPut(t.prefix+"b", "then"), clientv3.OpGet(t.prefix + "b")},
		[]clientv3.Op{clientv3.OpPut(t.prefix+"b", "else")},
	)
	must(t.client.Put(t.ctx, t.prefix+"a", "outer"))
	got := must(t.client.Txn(t.ctx).Then(inner, clientv3.OpDelete(t.prefix+"a", clientv3.WithPrevKV())).Commit())
	same("succeeded", got.Succeeded, true)
	nested := got.Responses[0].GetResponseTxn()
	same("the inner one succeeded", nested.Succeeded, true)
	same("what it wrote", string(nested.Responses[1].GetResponseRange().Kvs[0].Value), "then")
	same("what was deleted", string(got.Responses[1].GetResponseDeleteRange().PrevKvs[0].Value), "outer")
	same("one revision for all", nested.Responses[1].GetResponseRange().Kvs[0].ModRevision, got.Header.Revision)
}

func transactionComparesRange(t *teller) {
	compare := clientv3.Compare(clientv3.CreateRevision(t.prefix), ">", 0).WithPrefix()
	commit := func() bool {
		return must(t.client.Txn(t.ctx).If(compare).Then(clientv3.OpGet(t.prefix)).Commit()).Succeeded
	}
	same("of an empty range", commit(), false)
	must(t.client.Put(t.ctx, t.prefix+"a", "1"))
	must(t.client.Put(t.ctx, t.prefix+"b", "1"))
	same("of two keys", commit(), true)
	value := clientv3.Compare(clientv3.Value(t.prefix), "=", "1").WithPrefix()
	same("by value", must(t.client.Txn(t.ctx).If(value).Commit()).Succeeded, true)
	must(t.client.Put(t.ctx, t.prefix+"b", "2"))
	same("by value, one differs", must(t.client.Txn(t.ctx).If(value).Commit()).Succeeded, false)
}

// Ten writers each add ten: nothing is lost when each writes only what nobody changed since it read.
func optimisticUpdate(t *teller) {
	key := t.prefix + "sum"
	must(t.client.Put(t.ctx, key, ""))
	done := make(chan error, 10)
	for range 10 {
		go func() {
			done <- addTen(t, key)
		}()
	}
	for range 10 {
		check(soon(t, "a writer", done))
	}
	same("sum", len(must(t.client.Get(t.ctx, key)).Kvs[0].Value), 100)
}

func addTen(t *teller, key string) error {
	for added := 0; added < 10; {
		read, err := t.client.Get(t.ctx, key)
		if err != nil {
			return err
		}
		kv := read.Kvs[0]
		wrote, err := t.client.Txn(t.ctx).
			If(clientv3.Compare(clientv3.ModRevision(key), "=", kv.ModRevision)).
			Then(clientv3.OpPut(key, string(kv.Value)+"x")).Commit()
		if err != nil {
			return err
		}
		if wrote.Succeeded {
			added++
		}
	}
	return nil
}

func errorTypes(t *teller) {
	current := must(t.client.Put(t.ctx, t.prefix+"a", "1")).Header.Revision
	many := make([]clientv3.Op, 129)
	for index := range many {
		many[index] = clientv3.OpPut(fmt.Sprint(t.prefix, index), "x")
	}
	for _, wanted := range []struct {
		what string
		err  error
		got  func() error
	}{
		{"future revision", rpctypes.ErrFutureRev, func() error {
			_, err := t.client.Get(t.ctx, "a", clientv3.WithRev(current+1000))
			return err
		}},
		{"empty key", rpctypes.ErrEmptyKey, func() error { _, err := t.client.Put(t.ctx, "", "x"); return err }},
		{"no key to keep the value of", rpctypes.ErrKeyNotFound, func() error {
			_, err := t.client.Put(t.ctx, t.prefix+"none", "", clientv3.WithIgnoreValue())
			return err
		}},
		{"no such lease", rpctypes.ErrLeaseNotFound, func() error {
			_, err := t.client.Put(t.ctx, t.prefix+"none", "", clientv3.WithLease(12345))
			return err
		}},
		{"a lease with an id that is taken", rpctypes.ErrLeaseExist, func() error {
			return grantTwice(t)
		}},
		{"time to live too large", rpctypes.ErrLeaseTTLTooLarge, func() error {
			_, err := t.client.Grant(t.ctx, 9_000_000_001)
			return err
		}},
		{"the same key twice", rpctypes.ErrDuplicateKey, func() error {
			_, err := t.client.Txn(t.ctx).Then(clientv3.OpPut("x", "1"), clientv3.OpPut("x", "2")).Commit()
			return err
		}},
		{"too many operations", rpctypes.ErrTooManyOps, func() error {
			_, err := t.client.Txn(t.ctx).Then(many...).Commit()
			return err
		}},
		{"too large", rpctypes.ErrRequestTooLarge, func() error {
			_, err := t.client.Put(t.ctx, t.prefix+"large", strings.Repeat("x", 1600*1024))
			return err
		}},
	} {
		if got := wanted.got(); !errors.Is(got, wanted.err) {
			fail("%s: %v is not %v", wanted.what, got, wanted.err)
		}
	}
}

func grantTwice(t *teller) error {
	lease := must(t.client.Grant(t.ctx, 100)).ID
	client := clientv3.RetryLeaseClient(t.client)
	_, err := client.LeaseGrant(t.ctx, grantOf(lease))
	return rpctypes.Error(err)
}

func history(t *teller) {
	key := t.prefix + "a"
	var revisions []int64
	for _, value := range []string{"1", "2", "3"} {
		revisions = append(revisions, must(t.client.Put(t.ctx, key, value)).Header.Revision)
	}
	must(t.client.Delete(t.ctx, key))
	for index, revision := range revisions {
		got := must(t.client.Get(t.ctx, key, clientv3.WithRev(revision)))
		same("value then", string(got.Kvs[0].Value), fmt.Sprint(index+1))
		same("version then", got.Kvs[0].Version, int64(index+1))
	}
	must(t.client.Compact(t.ctx, revisions[1], clientv3.WithCompactPhysical()))
	_, err := t.client.Get(t.ctx, key, clientv3.WithRev(revisions[0]))
	if !errors.Is(err, rpctypes.ErrCompacted) {
		fail("%v is not ErrCompacted", err)
	}
	same("still there", len(must(t.client.Get(t.ctx, key, clientv3.WithRev(revisions[1]))).Kvs), 1)
}
