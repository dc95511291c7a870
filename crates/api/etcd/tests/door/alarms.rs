//! What happens when there is no room: it is remembered, told, and put out by an operator.

use koinon_api_etcd::serve::Limits;
use koinon_api_etcd::wire::etcdserverpb::alarm_request::AlarmAction;
use koinon_api_etcd::wire::etcdserverpb::request_op::Request;
use koinon_api_etcd::wire::etcdserverpb::{
    AlarmMember, AlarmRequest, AlarmResponse, AlarmType, DeleteRangeRequest, DeleteRangeResponse,
    LeaseGrantRequest, LeaseGrantResponse, PutRequest, PutResponse, RangeRequest, RangeResponse, RequestOp,
    StatusRequest, StatusResponse, TxnRequest, TxnResponse,
};
use koinon_api_etcd::wire::v3lockpb::{LockRequest, LockResponse};
use koinon_store::Settings;

use super::support::{Client, Ended, Running};

/// The member's number in these tests.
const MEMBER: u64 = 22;

fn settings() -> Settings {
    Settings {
        quota_bytes: 4096,
        ..Settings::default()
    }
}

fn put(key: &str, len: usize) -> PutRequest {
    PutRequest {
        key: key.to_owned().into(),
        value: vec![b'v'; len].into(),
        ..PutRequest::default()
    }
}

fn full() -> Ended {
    Ended {
        code: "8".into(),
        text: "etcdserver: mvcc: database space exceeded".into(),
    }
}

async fn try_put(client: &Client, len: usize) -> Result<PutResponse, Ended> {
    client.call("/etcdserverpb.KV/Put", &put("k", len)).await
}

async fn alarm(client: &Client, action: AlarmAction, member_id: u64, kind: AlarmType) -> Vec<AlarmMember> {
    let request = AlarmRequest {
        action: action.into(),
        member_id,
        alarm: kind.into(),
    };
    let answer: AlarmResponse = client
        .call("/etcdserverpb.Maintenance/Alarm", &request)
        .await
        .expect("an answer about alarms");
    answer.alarms
}

async fn listed(client: &Client) -> Vec<AlarmMember> {
    alarm(client, AlarmAction::Get, 0, AlarmType::None).await
}

fn no_space() -> AlarmMember {
    AlarmMember {
        member_id: MEMBER,
        alarm: AlarmType::Nospace.into(),
    }
}

/// Every call that takes room is refused, each in its own words; those that take none go on.
async fn takes_nothing(client: &Client) {
    assert_eq!(try_put(client, 1).await, Err(full()));
    let lease = LeaseGrantRequest { ttl: 60, id: 0 };
    let lease = client
        .call::<LeaseGrantResponse>("/etcdserverpb.Lease/LeaseGrant", &lease)
        .await;
    assert_eq!(lease, Err(full()));
    let lock = LockRequest {
        name: "lock".into(),
        lease: 0,
    };
    let lock = client.call::<LockResponse>("/v3lockpb.Lock/Lock", &lock).await;
    assert_eq!(lock.expect_err("a refusal").text, full().text);
    let txn = |request| TxnRequest {
        success: vec![RequestOp {
            request: Some(request),
        }],
        ..TxnRequest::default()
    };
    let puts = txn(Request::RequestPut(put("k", 1)));
    let puts = client.call::<TxnResponse>("/etcdserverpb.KV/Txn", &puts).await;
    assert_eq!(puts, Err(full()));
    let delete = DeleteRangeRequest {
        key: "nothing".into(),
        ..DeleteRangeRequest::default()
    };
    let deletes = txn(Request::RequestDeleteRange(delete.clone()));
    let deletes = client.call::<TxnResponse>("/etcdserverpb.KV/Txn", &deletes).await;
    assert!(deletes.is_ok(), "{deletes:?}");
    let range = RangeRequest {
        key: "k".into(),
        ..RangeRequest::default()
    };
    let found = client
        .call::<RangeResponse>("/etcdserverpb.KV/Range", &range)
        .await;
    assert!(found.is_ok(), "{found:?}");
}

/// The first write that finds no room raises the alarm. It stays when there is room again, and over a restart, until it is
/// put out; then writes go on.
#[tokio::test]
async fn no_room_is_remembered_until_it_is_put_out() {
    let running = Running::with(settings(), Limits::default()).await;
    let client = running.client().await;
    assert!(try_put(&client, 1000).await.is_ok());
    assert_eq!(listed(&client).await, []);
    assert_eq!(try_put(&client, 8000).await, Err(full()));
    assert_eq!(listed(&client).await, [no_space()]);
    let before = client.call::<StatusResponse>("/etcdserverpb.Maintenance/Status", &StatusRequest {});
    let before = before.await.expect("a status");
    assert_eq!(before.errors, ["memberID:22 alarm:NOSPACE "]);
    let all = DeleteRangeRequest {
        key: "k".into(),
        ..DeleteRangeRequest::default()
    };
    let deleted = client
        .call::<DeleteRangeResponse>("/etcdserverpb.KV/DeleteRange", &all)
        .await;
    assert_eq!(deleted.expect("room is not needed").deleted, 1);
    takes_nothing(&client).await;

    let running = running.restarted(settings(), Limits::default()).await;
    let client = running.client().await;
    takes_nothing(&client).await;
    assert_eq!(listed(&client).await, [no_space()]);
    let other = alarm(&client, AlarmAction::Deactivate, MEMBER, AlarmType::Corrupt).await;
    assert_eq!(other, [], "there is no such alarm");
    let ended = alarm(&client, AlarmAction::Deactivate, MEMBER, AlarmType::Nospace).await;
    assert_eq!(ended, [no_space()]);
    assert_eq!(listed(&client).await, []);
    let answer = try_put(&client, 1).await.expect("room");
    // Two puts, one deletion, and none for the alarms.
    assert_eq!(answer.header.expect("a header").revision, 4);
}

/// An alarm can be raised by hand, for a member that there is.
#[tokio::test]
async fn an_alarm_is_raised_by_hand() {
    let running = Running::with(settings(), Limits::default()).await;
    let client = running.client().await;
    for _ in 0..2 {
        let raised = alarm(&client, AlarmAction::Activate, MEMBER, AlarmType::Nospace).await;
        assert_eq!(raised, [no_space()]);
    }
    takes_nothing(&client).await;
    assert_eq!(alarm(&client, AlarmAction::Get, 0, AlarmType::Corrupt).await, []);
    let stranger = AlarmRequest {
        action: AlarmAction::Activate.into(),
        member_id: 5,
        alarm: AlarmType::Nospace.into(),
    };
    let stranger = client
        .call::<AlarmResponse>("/etcdserverpb.Maintenance/Alarm", &stranger)
        .await;
    assert_eq!(stranger.expect_err("nobody").text, "etcdserver: member not found");
}
