package main

import (
	"bytes"
	"math/rand/v2"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
)

// Few keys, so that requests meet each other; some of them at the edges of the order.
var keys = []string{
	"", "\x00", "a", "a\x00", "a/", "a/1", "a/2", "a/2/x", "a0", "b", "b/1", "c", "\xfe", "\xff", "\xff\xff",
}

// Ends of ranges: none, "everything from here", ends of prefixes, keys, the empty range.
var ends = []string{"", "", "\x00", "a0", "b", "a/3", "a", "\xff\xff\xff", "zz"}

// The ids that leases are granted with. None is chosen by the server, which would choose differently.
var leases = []int64{7, 8, 9, 1 << 40, -1}

// The size above which an etcd refuses a request, by default.
const requestBytesMax = 3 << 19

// The number of operations above which an etcd refuses a transaction, by default.
const operationsMax = 128

// generator makes requests from a seed and from the revisions it learnt from the first server's answers.
type generator struct {
	random    *rand.Rand
	revision  int64
	compacted int64
	// Leaves out what an etcd 3.4 answers otherwise than today's.
	older bool
	// Whether the transaction that is being made may keep values and leases, or else delete keys. Both in one (a key is
	// deleted, then its value is to be kept) end an etcd with a panic.
	keeping bool
}

func newGenerator(seed uint64, older bool) *generator {
	return &generator{older: older, random: rand.New(rand.NewPCG(seed, 0x6b6f696e6f6e)), revision: 1}
}

// learn keeps the revisions near which the interesting requests are.
func (g *generator) learn(a answer) {
	if a.revision > g.revision {
		g.revision = a.revision
	}
	if compact, ok := a.request.(*pb.CompactionRequest); ok && !a.refused {
		g.compacted = compact.Revision
	}
}

func (g *generator) chance(percent int) bool { return g.random.IntN(100) < percent }

func pick[T any](g *generator, from []T) T { return from[g.random.IntN(len(from))] }

func (g *generator) key() []byte { return []byte(pick(g, keys)) }

// usual is a key that is not empty, mostly.
func (g *generator) usual() []byte {
	if g.chance(97) {
		return []byte(keys[1+g.random.IntN(len(keys)-1)])
	}
	return g.key()
}

// end is the end of a range: none at all more often than an empty one.
func (g *generator) end() []byte {
	end := pick(g, ends)
	if end == "" && g.chance(80) {
		return nil
	}
	return []byte(end)
}

// at is a revision: mostly none, else near the edges.
func (g *generator) at() int64 {
	if g.chance(60) {
		return 0
	}
	near := []int64{-1, 1, g.compacted - 1, g.compacted, g.compacted + 1, g.revision - 1, g.revision, g.revision + 1, g.revision + 1000, 1 << 62}
	if g.chance(50) {
		return 1 + g.random.Int64N(g.revision+1)
	}
	return pick(g, near)
}

func (g *generator) value() []byte {
	switch {
	case g.chance(10):
		return nil
	case g.chance(3):
		return bytes.Repeat([]byte("v"), 1+g.random.IntN(9000))
	default:
		return []byte(pick(g, []string{"1", "2", "10", "x", "y y", "\x00", "\xff"}))
	}
}

func (g *generator) lease() int64 {
	if g.chance(75) {
		return 0
	}
	return pick(g, leases)
}

func (g *generator) next() any {
	weight := g.random.IntN(100)
	switch {
	case weight < 25:
		return g.rangeRequest()
	case weight < 50:
		return g.put()
	case weight < 60:
		return g.deleteRange()
	case weight < 80:
		g.keeping = g.chance(50)
		return g.txn(2)
	case weight < 84:
		// Always whole: where nothing lives any more, an etcd's hash depends on how far a compaction has come.
		return &pb.CompactionRequest{Revision: g.compaction(), Physical: true}
	case weight < 88:
		// None that runs out meanwhile.
		return &pb.LeaseGrantRequest{ID: pick(g, leases), TTL: pick(g, []int64{600, 1000, 5000, 9_000_000_000, 9_000_000_001})}
	case weight < 90:
		return &pb.LeaseRevokeRequest{ID: pick(g, leases)}
	case weight < 93:
		return &pb.LeaseTimeToLiveRequest{ID: pick(g, leases), Keys: g.chance(70)}
	case weight < 94:
		return &pb.LeaseLeasesRequest{}
	case weight < 96:
		return &pb.HashKVRequest{Revision: g.hashAt()}
	case weight < 97:
		return g.large()
	case g.older:
		// It tells progress before a watch has caught up, so nobody knows when it has told everything.
		return g.rangeRequest()
	default:
		return g.watch()
	}
}

// hashAt leaves out what was compacted: of some such revisions an etcd remembers the hash, of others not.
func (g *generator) hashAt() int64 {
	if at := g.at(); at > g.compacted {
		return at
	}
	return 0
}

// compaction seldom goes near the end, so that some history stays to be asked for. Never at 0: an etcd takes that once and
// remembers its hash as that of the present.
func (g *generator) compaction() int64 {
	at := g.compacted + g.random.Int64N(8)
	if g.chance(50) {
		at = g.at()
	}
	if at == 0 {
		return -1
	}
	return at
}

func (g *generator) rangeRequest() *pb.RangeRequest {
	r := &pb.RangeRequest{Key: g.usual(), RangeEnd: g.end(), Revision: g.at(), Serializable: g.chance(20)}
	if g.chance(30) {
		r.Limit = pick(g, []int64{1, 2, 3, 100, -1})
	}
	if g.chance(30) {
		r.SortTarget = pb.RangeRequest_SortTarget(g.random.IntN(5))
		r.SortOrder = pb.RangeRequest_SortOrder(g.random.IntN(3))
	}
	// An etcd 3.4 takes an order that there is not.
	if r.SortTarget != pb.RangeRequest_KEY {
		// Which of equals come before the limit is chance.
		r.Limit = 0
	}
	if g.chance(2) && !g.older {
		r.SortTarget, r.SortOrder = 9, 9
	}
	r.KeysOnly, r.CountOnly = g.chance(15), g.chance(10)
	if g.chance(15) {
		r.MinModRevision, r.MaxModRevision = g.at(), g.at()
	}
	if g.chance(15) {
		r.MinCreateRevision, r.MaxCreateRevision = g.at(), g.at()
	}
	return r
}

func (g *generator) put() *pb.PutRequest {
	p := &pb.PutRequest{Key: g.usual(), Value: g.value(), Lease: g.lease(), PrevKv: g.chance(30)}
	if g.chance(8) {
		p.IgnoreValue = true
		if g.chance(70) {
			p.Value = nil
		}
	}
	if g.chance(8) {
		p.IgnoreLease = true
		if g.chance(70) {
			p.Lease = 0
		}
	}
	return p
}

func (g *generator) deleteRange() *pb.DeleteRangeRequest {
	d := &pb.DeleteRangeRequest{Key: g.usual(), PrevKv: g.chance(40)}
	// Ranges would leave nothing to ask for.
	if g.chance(30) {
		d.RangeEnd = g.end()
	}
	return d
}

// large is a put around the size above which requests are refused.
func (g *generator) large() *pb.PutRequest {
	size := pick(g, []int{requestBytesMax - 100, requestBytesMax, requestBytesMax + 1, requestBytesMax + 600<<10})
	return &pb.PutRequest{Key: []byte("large"), Value: bytes.Repeat([]byte("L"), size)}
}

func (g *generator) txn(depth int) *pb.TxnRequest {
	t := &pb.TxnRequest{}
	for range g.random.IntN(3) {
		t.Compare = append(t.Compare, g.compare())
	}
	t.Success, t.Failure = g.operations(depth), g.operations(depth)
	if g.chance(3) {
		many := operationsMax + g.random.IntN(2)
		t.Success = nil
		for index := range many {
			key := []byte{'m', byte(index)}
			t.Success = append(t.Success, &pb.RequestOp{Request: &pb.RequestOp_RequestPut{RequestPut: &pb.PutRequest{Key: key}}})
		}
	}
	return t
}

func (g *generator) operations(depth int) []*pb.RequestOp {
	var all []*pb.RequestOp
	for range g.random.IntN(4) {
		all = append(all, g.operation(depth))
	}
	return all
}

func (g *generator) operation(depth int) *pb.RequestOp {
	weight := g.random.IntN(100)
	switch {
	case weight < 30:
		return &pb.RequestOp{Request: &pb.RequestOp_RequestRange{RequestRange: g.rangeRequest()}}
	case weight < 75:
		put := g.put()
		put.IgnoreValue = put.IgnoreValue && g.keeping
		put.IgnoreLease = put.IgnoreLease && g.keeping
		return &pb.RequestOp{Request: &pb.RequestOp_RequestPut{RequestPut: put}}
	case weight < 88 && !g.keeping:
		return &pb.RequestOp{Request: &pb.RequestOp_RequestDeleteRange{RequestDeleteRange: g.deleteRange()}}
	case weight < 99 && depth > 0:
		return &pb.RequestOp{Request: &pb.RequestOp_RequestTxn{RequestTxn: g.txn(depth - 1)}}
	default:
		return &pb.RequestOp{}
	}
}

func (g *generator) compare() *pb.Compare {
	c := &pb.Compare{Key: g.usual(), Result: pb.Compare_CompareResult(g.random.IntN(4))}
	if g.chance(20) {
		c.RangeEnd = g.end()
	}
	switch c.Target = pb.Compare_CompareTarget(g.random.IntN(5)); c.Target {
	case pb.Compare_VERSION:
		c.TargetUnion = &pb.Compare_Version{Version: g.random.Int64N(4)}
	case pb.Compare_CREATE:
		c.TargetUnion = &pb.Compare_CreateRevision{CreateRevision: g.at()}
	case pb.Compare_MOD:
		c.TargetUnion = &pb.Compare_ModRevision{ModRevision: g.at()}
	case pb.Compare_VALUE:
		c.TargetUnion = &pb.Compare_Value{Value: g.value()}
	case pb.Compare_LEASE:
		c.TargetUnion = &pb.Compare_Lease{Lease: g.lease()}
	}
	if g.chance(3) {
		c.TargetUnion = nil
	}
	return c
}

// watch looks back only: what is to come would be a matter of time.
func (g *generator) watch() *pb.WatchCreateRequest {
	w := &pb.WatchCreateRequest{Key: g.key(), RangeEnd: g.end(), PrevKv: g.chance(50), WatchId: pick(g, []int64{0, 0, 5, -1})}
	w.StartRevision = pick(g, []int64{1, g.compacted, g.compacted + 1, g.revision, -1})
	if g.chance(20) {
		w.Filters = []pb.WatchCreateRequest_FilterType{pb.WatchCreateRequest_FilterType(g.random.IntN(2))}
	}
	return w
}
