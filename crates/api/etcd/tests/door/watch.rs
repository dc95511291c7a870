//! Watchers on one stream, by gRPC.

use koinon_api_etcd::serve::Limits;
use koinon_api_etcd::wire::etcdserverpb::watch_request::RequestUnion;
use koinon_api_etcd::wire::etcdserverpb::{
    CompactionRequest, CompactionResponse, WatchCancelRequest, WatchCreateRequest, WatchProgressRequest,
    WatchRequest, WatchResponse,
};
use koinon_store::Settings;

use super::support::{Call, Client, Running};

async fn open(client: &Client) -> Call {
    client.open("/etcdserverpb.Watch/Watch").await
}

fn create(call: &mut Call, request: WatchCreateRequest) {
    ask(call, RequestUnion::CreateRequest(request));
}

fn ask(call: &mut Call, request: RequestUnion) {
    call.send(
        &WatchRequest {
            request_union: Some(request),
        },
        false,
    );
}

async fn next(call: &mut Call) -> WatchResponse {
    call.next().await.expect("a message")
}

fn prefix(key: &str, end: &str) -> WatchCreateRequest {
    WatchCreateRequest {
        key: key.to_owned().into(),
        range_end: end.to_owned().into(),
        ..WatchCreateRequest::default()
    }
}

/// Watchers share a stream: each is announced before its events, has its own number, and ends by itself.
#[tokio::test]
async fn watchers_share_a_stream() {
    let running = Running::start().await;
    let client = running.client().await;
    client.put("a/1", "old").await;
    let mut call = open(&client).await;
    create(
        &mut call,
        WatchCreateRequest {
            start_revision: 2,
            ..prefix("a/", "a0")
        },
    );
    let made = next(&mut call).await;
    assert!(made.created && made.watch_id == 0 && made.header.is_some());
    let old = next(&mut call).await;
    assert_eq!((old.events.len(), old.watch_id), (1, 0));
    create(
        &mut call,
        WatchCreateRequest {
            watch_id: 9,
            prev_kv: true,
            ..prefix("a/1", "")
        },
    );
    assert_eq!(next(&mut call).await.watch_id, 9);
    client.put("a/1", "new").await;
    let (one, other) = (next(&mut call).await, next(&mut call).await);
    let (plain, with_prev) = if one.watch_id == 0 {
        (one, other)
    } else {
        (other, one)
    };
    assert_eq!((plain.watch_id, with_prev.watch_id), (0, 9));
    assert!(plain.events[0].prev_kv.is_none());
    assert_eq!(
        with_prev.events[0].prev_kv.as_ref().expect("asked for").value,
        "old"
    );
    ask(
        &mut call,
        RequestUnion::CancelRequest(WatchCancelRequest { watch_id: 9 }),
    );
    let ended = next(&mut call).await;
    assert!(ended.canceled && ended.watch_id == 9);
}

/// What cannot be watched is announced and ended in one message under no number; the stream goes on.
#[tokio::test]
async fn what_cannot_be_watched_ends_as_it_begins() {
    let running = Running::start().await;
    let client = running.client().await;
    let mut call = open(&client).await;
    let refusals = [
        (
            WatchCreateRequest {
                start_revision: -1,
                ..prefix("a", "")
            },
            "etcdserver: mvcc: required revision has been compacted",
        ),
        (prefix("b", "a"), "mvcc: watcher range is empty"),
    ];
    for (request, reason) in refusals {
        create(&mut call, request);
        let refused = next(&mut call).await;
        assert!(refused.created && refused.canceled && refused.watch_id == -1);
        assert_eq!(refused.cancel_reason, reason);
    }
    create(
        &mut call,
        WatchCreateRequest {
            watch_id: 5,
            ..prefix("a", "")
        },
    );
    assert!(!next(&mut call).await.canceled);
    create(
        &mut call,
        WatchCreateRequest {
            watch_id: 5,
            ..prefix("a", "")
        },
    );
    let twice = next(&mut call).await;
    assert_eq!(
        twice.cancel_reason,
        "mvcc: duplicate watch ID provided on the WatchStream"
    );
}

/// A watcher that wants forgotten history is told from where on there is some.
#[tokio::test]
async fn forgotten_history_ends_a_watcher() {
    let running = Running::start().await;
    let client = running.client().await;
    for value in ["1", "2", "3", "4"] {
        client.put("a", value).await;
    }
    let compact = CompactionRequest {
        revision: 4,
        physical: true,
    };
    let _: CompactionResponse = client
        .call("/etcdserverpb.KV/Compact", &compact)
        .await
        .expect("a compaction");
    let mut call = open(&client).await;
    create(
        &mut call,
        WatchCreateRequest {
            start_revision: 2,
            ..prefix("a", "")
        },
    );
    assert!(next(&mut call).await.created);
    let ended = next(&mut call).await;
    assert!(ended.canceled && ended.compact_revision == 4, "{ended:?}");
}

/// Progress is told when asked for, after everything that happened before; and now and then to those who want it.
#[tokio::test]
async fn progress_is_told() {
    let limits = Limits {
        progress_interval: std::time::Duration::from_millis(100),
        ..Limits::default()
    };
    let running = Running::with(Settings::default(), limits).await;
    let client = running.client().await;
    let mut call = open(&client).await;
    create(
        &mut call,
        WatchCreateRequest {
            progress_notify: true,
            ..prefix("a", "")
        },
    );
    assert!(next(&mut call).await.created);
    let revision = client.put("other", "").await;
    let told = loop {
        let told = next(&mut call).await;
        assert!(told.events.is_empty() && told.watch_id == 0);
        if told
            .header
            .as_ref()
            .is_some_and(|header| header.revision >= revision)
        {
            break told;
        }
    };
    assert_eq!(told.header.expect("a header").revision, revision);
    ask(&mut call, RequestUnion::ProgressRequest(WatchProgressRequest {}));
    while next(&mut call).await.watch_id != -1 {}
}

/// A client that does not read keeps nobody else waiting, and finds everything when it reads again.
#[tokio::test]
async fn a_client_that_does_not_read_costs_nobody_else() {
    let settings = Settings {
        watch_queue_events_max: 16,
        watch_queue_bytes_max: 64 * 1024,
        ..Settings::default()
    };
    let running = Running::with(settings, Limits::default()).await;
    let (client, silent) = (running.client().await, running.client().await);
    let mut stuck = open(&silent).await;
    create(&mut stuck, prefix("a", ""));
    assert!(next(&mut stuck).await.created);
    let mut reader = open(&client).await;
    create(&mut reader, prefix("a", ""));
    assert!(next(&mut reader).await.created);
    let value = "v".repeat(4096);
    let mut seen = 0;
    for _ in 0..200 {
        client.put("a", &value).await;
        while seen < 1 {
            seen += next(&mut reader).await.events.len();
        }
        seen -= 1;
    }
    let mut revisions = Vec::new();
    while revisions.len() < 200 {
        let message = next(&mut stuck).await;
        revisions.extend(
            message
                .events
                .iter()
                .map(|event| event.kv.as_ref().expect("a key").mod_revision),
        );
    }
    assert_eq!(
        revisions,
        (2..202).collect::<Vec<_>>(),
        "every one, once, in order"
    );
}
