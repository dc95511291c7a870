//! Keys, leases, locks and the file of a snapshot, by gRPC.

use koinon_api_etcd::wire::database::Opened;
use koinon_api_etcd::wire::etcdserverpb::request_op::Request;
use koinon_api_etcd::wire::etcdserverpb::{
    LeaseGrantRequest, LeaseGrantResponse, LeaseKeepAliveRequest, LeaseKeepAliveResponse, LeaseRevokeRequest,
    LeaseRevokeResponse, PutRequest, PutResponse, RangeRequest, RangeResponse, RangeStreamResponse,
    RequestOp, SnapshotRequest, SnapshotResponse, TxnRequest, TxnResponse,
};
use koinon_api_etcd::wire::v3lockpb::{LockRequest, LockResponse, UnlockRequest, UnlockResponse};

use super::support::{Ended, Running};

fn range(key: &str, end: &str) -> RangeRequest {
    RangeRequest {
        key: key.to_owned().into(),
        range_end: end.to_owned().into(),
        ..RangeRequest::default()
    }
}

/// What was written is read with its history's figures, and every answer says who gave it at which revision.
#[tokio::test]
async fn what_was_put_is_there() {
    let running = Running::start().await;
    let client = running.client().await;
    assert_eq!(client.put("a", "1").await, 2);
    assert_eq!(client.put("a", "2").await, 3);
    let found: RangeResponse = client
        .call("/etcdserverpb.KV/Range", &range("a", ""))
        .await
        .expect("a range");
    let header = found.header.expect("a header");
    assert_eq!(
        (header.cluster_id, header.member_id, header.revision),
        (11, 22, 3)
    );
    let kv = &found.kvs[0];
    assert_eq!(
        (&kv.value[..], kv.create_revision, kv.mod_revision, kv.version),
        (&b"2"[..], 2, 3, 2)
    );
    assert_eq!((found.count, found.more), (1, false));
}

/// Refusals have etcd's codes and texts, in the trailers that gRPC's clients read, and the connection lives on.
#[tokio::test]
async fn refusals_are_etcd_s() {
    let running = Running::start().await;
    let client = running.client().await;
    let refused = |code: &str, text: &str| Ended {
        code: code.into(),
        text: text.into(),
    };
    let empty = client
        .call::<PutResponse>("/etcdserverpb.KV/Put", &PutRequest::default())
        .await;
    assert_eq!(empty, Err(refused("3", "etcdserver: key is not provided")));
    let leased = PutRequest {
        key: "k".into(),
        lease: 99,
        ..PutRequest::default()
    };
    let leased = client.call::<PutResponse>("/etcdserverpb.KV/Put", &leased).await;
    assert_eq!(leased, Err(refused("5", "etcdserver: requested lease not found")));
    // Of two reasons the lease is told first, but in a transaction the key.
    let both = || PutRequest {
        key: "k".into(),
        lease: 99,
        ignore_value: true,
        ..PutRequest::default()
    };
    let put = client.call::<PutResponse>("/etcdserverpb.KV/Put", &both()).await;
    assert_eq!(put, Err(refused("5", "etcdserver: requested lease not found")));
    let txn = TxnRequest {
        success: vec![RequestOp {
            request: Some(Request::RequestPut(both())),
        }],
        ..TxnRequest::default()
    };
    let txn = client.call::<TxnResponse>("/etcdserverpb.KV/Txn", &txn).await;
    assert_eq!(txn, Err(refused("3", "etcdserver: key not found")));
    let nobody = client
        .call::<PutResponse>("/etcdserverpb.KV/Nope", &PutRequest::default())
        .await;
    assert_eq!(
        nobody,
        Err(refused("12", "unknown method Nope for service etcdserverpb.KV"))
    );
    assert_eq!(
        client.put("k", "").await,
        2,
        "nothing happened, and the connection lives"
    );
}

/// A stream of keys gives in pieces what a range gives at once, with the figures in the last one.
#[tokio::test]
async fn a_stream_of_keys_is_the_range_in_pieces() {
    let running = Running::start().await;
    let client = running.client().await;
    for at in 0..55 {
        client.put(&format!("k/{at:02}"), "value").await;
    }
    let whole: RangeResponse = client
        .call("/etcdserverpb.KV/Range", &range("k/", "k0"))
        .await
        .expect("a range");
    for limit in [0, 7, 30, 55, 99] {
        let mut call = client.open("/etcdserverpb.KV/RangeStream").await;
        call.send(
            &RangeRequest {
                limit,
                ..range("k/", "k0")
            },
            true,
        );
        let mut pieces = Vec::new();
        while let Some(piece) = call.next::<RangeStreamResponse>().await {
            pieces.push(piece.range_response.expect("a piece"));
        }
        assert_eq!(call.ended().await.code, "0");
        let last = pieces.last().expect("at least one").clone();
        let wanted = if limit == 0 { 55 } else { limit.min(55) };
        assert_eq!((last.count, last.more), (55, wanted < 55), "limit {limit}");
        assert_eq!(last.header.expect("a header").revision, 56);
        let kvs: Vec<_> = pieces.into_iter().flat_map(|piece| piece.kvs).collect();
        assert_eq!(
            kvs,
            whole.kvs[..usize::try_from(wanted).expect("small")],
            "limit {limit}"
        );
    }
}

/// A lease is kept alive on a stream, one answer for each request; a dead one is told by its time, not by an error.
#[tokio::test]
async fn leases_are_kept_alive() {
    let running = Running::start().await;
    let client = running.client().await;
    let grant = LeaseGrantRequest { ttl: 60, id: 7 };
    let granted: LeaseGrantResponse = client
        .call("/etcdserverpb.Lease/LeaseGrant", &grant)
        .await
        .expect("a lease");
    assert_eq!((granted.id, granted.ttl), (7, 60));
    let mut call = client.open("/etcdserverpb.Lease/LeaseKeepAlive").await;
    call.send(&LeaseKeepAliveRequest { id: 7 }, false);
    let kept: LeaseKeepAliveResponse = call.next().await.expect("an answer");
    assert_eq!((kept.id, kept.ttl), (7, 60));
    let revoke = LeaseRevokeRequest { id: 7 };
    let _: LeaseRevokeResponse = client
        .call("/etcdserverpb.Lease/LeaseRevoke", &revoke)
        .await
        .expect("an end");
    call.send(&LeaseKeepAliveRequest { id: 7 }, true);
    let dead: LeaseKeepAliveResponse = call.next().await.expect("an answer");
    assert_eq!((dead.id, dead.ttl), (7, 0));
    assert!(call.next::<LeaseKeepAliveResponse>().await.is_none());
    assert_eq!(call.ended().await.code, "0");
}

/// A lock is held by one at a time, in the order in which they came, and a client that goes away waits no more.
#[tokio::test]
async fn locks_are_held_in_turn() {
    let running = Running::start().await;
    let (first, second) = (running.client().await, running.client().await);
    let lock = || LockRequest {
        name: "name".into(),
        lease: 0,
    };
    let held: LockResponse = first
        .call("/v3lockpb.Lock/Lock", &lock())
        .await
        .expect("a free lock");
    assert!(held.key.starts_with(b"name/"));
    let mut gone = second.open("/v3lockpb.Lock/Lock").await;
    gone.send(&lock(), true);
    let waiting =
        tokio::spawn(async move { second.call::<LockResponse>("/v3lockpb.Lock/Lock", &lock()).await });
    let keys = || async {
        let found: RangeResponse = first
            .call("/etcdserverpb.KV/Range", &range("name/", "name0"))
            .await
            .expect("a range");
        found.count
    };
    while keys().await < 3 {
        tokio::task::yield_now().await;
    }
    drop(gone);
    while keys().await > 2 {
        tokio::task::yield_now().await;
    }
    let unlock = UnlockRequest { key: held.key };
    let _: UnlockResponse = first
        .call("/v3lockpb.Lock/Unlock", &unlock)
        .await
        .expect("an unlock");
    let next = waiting.await.expect("no panic").expect("the lock");
    assert!(next.key.starts_with(b"name/"));
}

/// A snapshot is a whole database of etcd's, with a sum behind it, of one moment.
#[tokio::test]
async fn a_snapshot_is_a_database() {
    let running = Running::start().await;
    let client = running.client().await;
    for at in 0..300 {
        client.put(&format!("k/{}", at % 50), "value").await;
    }
    let mut call = client.open("/etcdserverpb.Maintenance/Snapshot").await;
    call.send(&SnapshotRequest {}, true);
    let mut file = Vec::new();
    while let Some(piece) = call.next::<SnapshotResponse>().await {
        file.extend_from_slice(&piece.blob);
    }
    assert_eq!(call.ended().await.code, "0");
    assert_eq!(file.len() % 512, 32, "the sum is behind the pages");
    let database = &file[..file.len() - 32];
    let opened = Opened::open(database).expect("etcd's database");
    let (mut records, mut count) = (opened.records().expect("records"), 0);
    while let Some((at, _)) = records.next_record().expect("well-formed") {
        assert_eq!(at.main, 2 + count);
        count += 1;
    }
    assert_eq!(count, 300);
}
