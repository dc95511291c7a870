//! Bounds and endings.

use std::time::Duration;

use koinon_api_etcd::serve::Limits;
use koinon_api_etcd::wire::etcdserverpb::watch_request::RequestUnion;
use koinon_api_etcd::wire::etcdserverpb::{
    PutRequest, PutResponse, RangeRequest, RangeResponse, WatchCreateRequest, WatchRequest, WatchResponse,
};
use koinon_store::Settings;

use super::support::{Running, SOON};

fn put(len: usize) -> PutRequest {
    PutRequest {
        key: "k".into(),
        value: vec![b'v'; len].into(),
        ..PutRequest::default()
    }
}

/// A request up to the limit passes, in however many pieces it comes; a larger one is refused in etcd's words, one far larger
/// at its announcement.
#[tokio::test]
async fn requests_have_a_size() {
    let running = Running::start().await;
    let client = running.client().await;
    let fits = client
        .call::<PutResponse>("/etcdserverpb.KV/Put", &put(1_500_000))
        .await;
    assert!(fits.is_ok());
    let range = RangeRequest {
        key: "k".into(),
        ..RangeRequest::default()
    };
    let found: RangeResponse = client
        .call("/etcdserverpb.KV/Range", &range)
        .await
        .expect("a range");
    assert_eq!(found.kvs[0].value.len(), 1_500_000);
    let large = client
        .call::<PutResponse>("/etcdserverpb.KV/Put", &put(1_700_000))
        .await
        .expect_err("too large");
    assert_eq!(
        (&large.code[..], &large.text[..]),
        ("3", "etcdserver: request is too large")
    );
    let larger = client
        .call::<PutResponse>("/etcdserverpb.KV/Put", &put(2_200_000))
        .await
        .expect_err("too large");
    assert_eq!(larger.code, "8");
    assert!(
        larger.text.starts_with("grpc: received message larger than max"),
        "{}",
        larger.text
    );
}

/// At a drain lasting calls end with a status that tells clients to go elsewhere, and the door closes in time.
#[tokio::test]
async fn a_drain_ends_what_lasts() {
    let mut running = Running::start().await;
    let client = running.client().await;
    let mut call = client.open("/etcdserverpb.Watch/Watch").await;
    let create = WatchCreateRequest {
        key: "a".into(),
        ..WatchCreateRequest::default()
    };
    call.send(
        &WatchRequest {
            request_union: Some(RequestUnion::CreateRequest(create)),
        },
        false,
    );
    assert!(call.next::<WatchResponse>().await.expect("a message").created);
    running.drain.start(SOON);
    assert!(call.next::<WatchResponse>().await.is_none());
    let ended = call.ended().await;
    assert_eq!(
        (&ended.code[..], &ended.text[..]),
        ("14", "etcdserver: server stopped")
    );
    let report = tokio::time::timeout(SOON, &mut running.serving)
        .await
        .expect("in time")
        .expect("no panic");
    assert_eq!(report.cut_off, 0);
    assert_eq!(running.door.stats().streams_open(), 0);
}

/// A peer that answers no ping is let go: a watcher behind a dead router would stay for ever.
#[tokio::test]
async fn a_silent_peer_is_asked_whether_it_lives() {
    let limits = Limits {
        ping_after: Duration::from_millis(50),
        ping_timeout: Duration::from_millis(50),
        ..Limits::default()
    };
    let running = Running::with(Settings::default(), limits).await;
    // A live one answers pings by itself and stays.
    let client = running.client().await;
    let mut dead = tokio::net::TcpStream::connect(running.addr)
        .await
        .expect("the door listens");
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    dead.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await
        .expect("the door reads");
    let mut sink = Vec::new();
    let closed = tokio::time::timeout(SOON, dead.read_to_end(&mut sink)).await;
    assert!(closed.is_ok(), "the door hangs up");
    assert_eq!(client.put("k", "").await, 2);
}
