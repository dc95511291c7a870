//! Many calls of one connection at once, which are taken together and answered together.

use koinon_api_etcd::wire::etcdserverpb::{PutRequest, PutResponse, RangeRequest, RangeResponse};
use koinon_api_etcd::wire::frame;
use tokio::task::JoinSet;

use crate::support::{Call, Client, Running};

const RANGE: &str = "/etcdserverpb.KV/Range";
/// More than are taken together, more than a turn or two can do, and more than the HTTP/2 library lets wait of its own accord.
const CALLS: usize = 4_000;

fn get(key: &str) -> RangeRequest {
    RangeRequest {
        key: key.to_owned().into(),
        ..RangeRequest::default()
    }
}

async fn value(mut call: Call) -> Vec<u8> {
    let answer: RangeResponse = call.next().await.expect("an answer");
    let ended = call.ended().await;
    assert_eq!(ended.code, "0");
    answer.kvs.first().map(|kv| kv.value.to_vec()).unwrap_or_default()
}

/// Whatever comes at once, reads that are answered at once, writes that wait, and calls that nobody knows, each gets its own
/// answer.
#[tokio::test]
async fn each_call_of_many_gets_its_own_answer() {
    let door = Running::start().await;
    let client = door.client().await;
    for number in 0..10 {
        client
            .put(&format!("key{number}"), &format!("value{number}"))
            .await;
    }
    // Each is read by a task of its own: answers that nobody reads would fill the connection's window.
    let mut calls = JoinSet::new();
    for number in 0..CALLS {
        let mut read = client.open(RANGE).await;
        read.send(&get(&format!("key{}", number % 10)), true);
        calls.spawn(async move {
            assert_eq!(value(read).await, format!("value{}", number % 10).as_bytes());
        });
        if number % 7 == 0 {
            let put = PutRequest {
                key: "written".into(),
                ..PutRequest::default()
            };
            let mut write = client.open("/etcdserverpb.KV/Put").await;
            write.send(&put, true);
            let mut stray = client.open("/etcdserverpb.KV/Nothing").await;
            stray.send(&put, true);
            calls.spawn(async move {
                assert!(write.next::<PutResponse>().await.is_some());
                assert!(stray.next::<PutResponse>().await.is_none());
                assert_eq!(stray.ended().await.code, "12");
            });
        }
    }
    while let Some(ended) = calls.join_next().await {
        ended.expect("no panic");
    }
}

/// A read whose request comes piece by piece waits for it, and holds up nobody meanwhile.
#[tokio::test]
async fn a_request_in_pieces_is_waited_for() {
    let door = Running::start().await;
    let client: Client = door.client().await;
    client.put("key", "value").await;
    let request = frame::encode(&get("key"));
    let mut slow = client.open(RANGE).await;
    for piece in 0..request.len() {
        slow.send_piece(request.slice(piece..=piece), piece + 1 == request.len());
        let mut quick = client.open(RANGE).await;
        quick.send(&get("key"), true);
        assert_eq!(value(quick).await, b"value");
    }
    assert_eq!(value(slow).await, b"value");
}
