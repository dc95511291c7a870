package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
)

var concurrencyStories = []story{
	{name: "session", tell: session},
	{name: "mutex excludes", tell: mutexExcludes},
	{name: "mutex tried", tell: mutexTried},
	{name: "mutex of a lost session", tell: mutexOfALostSession},
	{name: "election", tell: election},
	{name: "election resumed", tell: electionResumed},
	{name: "software transactional memory", tell: transactionalMemory},
}

func newSession(client *clientv3.Client, ttl int) *concurrency.Session {
	return must(concurrency.NewSession(client, concurrency.WithTTL(ttl)))
}

func session(t *teller) {
	s := newSession(t.client, 5)
	must(t.client.Put(t.ctx, t.prefix+"a", "1", clientv3.WithLease(s.Lease())))
	select {
	case <-s.Done():
		fail("a fresh session is done")
	default:
	}
	check(s.Close())
	soon(t, "the end of the session", s.Done())
	same("its key", must(t.client.Get(t.ctx, t.prefix+"a")).Count, int64(0))
	orphan := newSession(t.client, 5)
	must(t.client.Put(t.ctx, t.prefix+"b", "1", clientv3.WithLease(orphan.Lease())))
	orphan.Orphan()
	same("an orphan's key", must(t.client.Get(t.ctx, t.prefix+"b")).Count, int64(1))
}

// Five clients add to a number that only the lock protects.
func mutexExcludes(t *teller) {
	const clients, rounds = 5, 5
	var inside, number atomic.Int64
	done := make(chan error, clients)
	for range clients {
		client := t.another()
		defer func() { _ = client.Close() }()
		s := newSession(client, 10)
		go func() {
			mutex := concurrency.NewMutex(s, t.prefix+"lock")
			for range rounds {
				if err := mutex.Lock(t.ctx); err != nil {
					done <- err
					return
				}
				if inside.Add(1) != 1 {
					done <- errors.New("two held the lock")
					return
				}
				number.Add(1)
				inside.Add(-1)
				if err := mutex.Unlock(t.ctx); err != nil {
					done <- err
					return
				}
			}
			done <- s.Close()
		}()
	}
	for range clients {
		check(soon(t, "a client", done))
	}
	same("number", number.Load(), int64(clients*rounds))
	same("keys left", must(t.client.Get(t.ctx, t.prefix, clientv3.WithPrefix())).Count, int64(0))
}

func mutexTried(t *teller) {
	one, two := newSession(t.client, 10), newSession(t.client, 10)
	held, tried := concurrency.NewMutex(one, t.prefix), concurrency.NewMutex(two, t.prefix)
	check(held.Lock(t.ctx))
	if err := tried.TryLock(t.ctx); !errors.Is(err, concurrency.ErrLocked) {
		fail("%v is not ErrLocked", err)
	}
	ctx, cancel := withCancel(t)
	waits := make(chan error, 1)
	go func() { waits <- tried.Lock(ctx) }()
	cancel()
	if err := soon(t, "the end of the wait", waits); !errors.Is(err, context.Canceled) {
		fail("%v is not Canceled", err)
	}
	same("it holds", must(t.client.Txn(t.ctx).If(held.IsOwner()).Commit()).Succeeded, true)
	check(held.Unlock(t.ctx))
	check(tried.TryLock(t.ctx))
	check(tried.Unlock(t.ctx))
	check(one.Close())
	check(two.Close())
}

// A holder that is gone loses the lock when its lease runs out, not before.
func mutexOfALostSession(t *teller) {
	lost := newSession(t.client, 2)
	check(concurrency.NewMutex(lost, t.prefix).Lock(t.ctx))
	// No more renewals, as after a crash.
	lost.Orphan()
	next := newSession(t.client, 10)
	mutex := concurrency.NewMutex(next, t.prefix)
	check(mutex.Lock(t.ctx))
	same("the lost lease", must(t.client.TimeToLive(t.ctx, lost.Lease())).TTL, int64(-1))
	check(next.Close())
}

func election(t *teller) {
	one, two := newSession(t.client, 10), newSession(t.client, 10)
	first, second := concurrency.NewElection(one, t.prefix), concurrency.NewElection(two, t.prefix)
	if _, err := first.Leader(t.ctx); !errors.Is(err, concurrency.ErrElectionNoLeader) {
		fail("%v is not ErrElectionNoLeader", err)
	}
	ctx, cancel := withCancel(t)
	defer cancel()
	observed := concurrency.NewElection(two, t.prefix).Observe(ctx)
	check(first.Campaign(t.ctx, "one"))
	leader := func() string {
		response := soon(t, "a leader", observed)
		return string(response.Kvs[0].Value)
	}
	same("leader", leader(), "one")
	won := make(chan error, 1)
	go func() { won <- second.Campaign(t.ctx, "two") }()
	check(first.Proclaim(t.ctx, "one again"))
	same("leader", leader(), "one again")
	same("asked", string(must(second.Leader(t.ctx)).Kvs[0].Value), "one again")
	check(first.Resign(t.ctx))
	check(soon(t, "the second", won))
	same("leader", leader(), "two")
	if err := first.Proclaim(t.ctx, "no more"); err == nil {
		fail("who resigned proclaims")
	}
	check(one.Close())
	check(two.Close())
}

func electionResumed(t *teller) {
	s := newSession(t.client, 10)
	check(concurrency.NewElection(s, t.prefix).Campaign(t.ctx, "before"))
	standing := concurrency.NewElection(s, t.prefix)
	leader := must(standing.Leader(t.ctx)).Kvs[0]
	resumed := concurrency.ResumeElection(s, t.prefix, string(leader.Key), leader.CreateRevision)
	check(resumed.Proclaim(t.ctx, "after"))
	same("leader", string(must(standing.Leader(t.ctx)).Kvs[0].Value), "after")
	check(resumed.Resign(t.ctx))
	check(s.Close())
}

// Money moves between accounts at once, in each isolation; none is made or lost.
func transactionalMemory(t *teller) {
	const accounts, each = 5, 100
	account := func(index int) string { return fmt.Sprint(t.prefix, index) }
	for index := range accounts {
		must(t.client.Put(t.ctx, account(index), strconv.Itoa(each)))
	}
	isolations := []concurrency.Isolation{concurrency.SerializableSnapshot, concurrency.Serializable, concurrency.RepeatableReads}
	done := make(chan error, 6)
	for worker := range 6 {
		go func() {
			var last error
			for round := range 10 {
				from, to := account((worker+round)%accounts), account((worker+2*round+1)%accounts)
				_, last = concurrency.NewSTM(t.client, func(s concurrency.STM) error { return move(s, from, to) },
					concurrency.WithIsolation(isolations[worker%3]), concurrency.WithAbortContext(t.ctx))
				if last != nil {
					break
				}
			}
			done <- last
		}()
	}
	for range 6 {
		check(soon(t, "a worker", done))
	}
	sum := 0
	for _, kv := range must(t.client.Get(t.ctx, t.prefix, clientv3.WithPrefix())).Kvs {
		sum += must(strconv.Atoi(string(kv.Value)))
	}
	same("sum", sum, accounts*each)
}

func move(s concurrency.STM, from, to string) error {
	if from == to {
		return nil
	}
	a, err := strconv.Atoi(s.Get(from))
	if err != nil {
		return err
	}
	b, err := strconv.Atoi(s.Get(to))
	if err != nil {
		return err
	}
	s.Put(from, strconv.Itoa(a-7))
	s.Put(to, strconv.Itoa(b+7))
	return nil
}
