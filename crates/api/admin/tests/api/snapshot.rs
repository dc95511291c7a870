//! The whole store over HTTP.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, StatusCode};
use koinon_base::SystemClock;
use koinon_core_kv::{LeaseId, Put, SpaceId};
use koinon_io_backend::snapshot::Save;
use koinon_io_disk::{Disk, OsDisk};
use koinon_io_net::client::Call;
use koinon_store::{Settings, Store, inventory};

use crate::support::{PATIENCE, door, door_over_store};

async fn filled(dir: &Path) -> Store {
    let disk: Arc<dyn Disk> = Arc::new(OsDisk);
    let store = Store::open(&disk, dir, Settings::default(), Arc::new(SystemClock::new())).unwrap();
    for number in 0..20 {
        let put = Put {
            key: format!("k/{number}").into(),
            value: Some(Bytes::from(vec![b'v'; 200_000])),
            lease: Some(LeaseId::NONE),
            prev_kv: false,
        };
        store.space(SpaceId::ETCD).put(put).await.unwrap();
    }
    store
}

fn call() -> Call {
    Call::new(Method::GET, "/v1/snapshot")
}

/// Protects: what was answered before is in the snapshot, which comes as a stream and is whole.
#[tokio::test]
async fn the_store_is_streamed() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(&dir.path().join("store")).await;
    let door = door_over_store(store.clone());
    let mut stream = door.client.stream(&call()).await.unwrap();
    assert_eq!(stream.headers()["content-type"], "application/octet-stream");
    let path = dir.path().join("file");
    let mut saving = Save::begin(Arc::new(OsDisk), &path).unwrap();
    let mut pieces = 0;
    while let Some(bytes) = stream.chunk(PATIENCE).await.unwrap() {
        saving.bytes(&bytes).unwrap();
        pieces += 1;
    }
    saving.finish().unwrap();
    assert!(pieces > 4, "{pieces}: all at once");
    let frames = koinon_io_backend::snapshot::SnapshotFrames::open(&OsDisk, &path).unwrap();
    let held = inventory(&path, frames).unwrap();
    assert_eq!(held.spaces[0].1.keys, 20);
    store.close();
}

/// Protects: readers that do not read hold a bounded number of views of the store, and give them back when they go.
#[tokio::test]
async fn few_read_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path()).await;
    let door = door_over_store(store.clone());
    let first = door.client.stream(&call()).await.unwrap();
    let second = door.client.stream(&call()).await.unwrap();
    let (status, told) = door.get("/v1/snapshot").await;
    assert_eq!(
        (status, &told["code"]),
        (StatusCode::TOO_MANY_REQUESTS, &"overloaded".into())
    );
    drop((first, second));
    let free = async {
        while door.client.stream(&call()).await.unwrap().status() != StatusCode::OK {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, free).await.unwrap();
    store.close();
}

/// Protects: a process without a store says so.
#[tokio::test]
async fn no_store_is_not_found() {
    let (status, told) = door().get("/v1/snapshot").await;
    assert_eq!(
        (status, &told["code"]),
        (StatusCode::NOT_FOUND, &"not_found".into())
    );
}
