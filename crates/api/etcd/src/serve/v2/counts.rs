//! How often what was asked, since the start of the listener, and who leads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{Method, Response, StatusCode, request};
use koinon_core_kv::v2::Change;
use serde_json::json as object;

use super::super::http1::{Answer, Shared, json};
use super::refuse_others;
use crate::wire::v2::json::UnixMs;

/// Counters of one kind of request.
#[derive(Debug, Default)]
pub(super) struct Counter {
    done: AtomicU64,
    failed: AtomicU64,
}

/// The counters.
#[derive(Debug, Default)]
pub(super) struct Counts {
    gets: Counter,
    sets: Counter,
    creates: Counter,
    updates: Counter,
    deletes: Counter,
    swaps: Counter,
    compare_deletes: Counter,
}

impl Counter {
    pub(super) fn count(&self, done: bool) {
        let counter = if done { &self.done } else { &self.failed };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }
}

impl Counts {
    pub(super) fn read(&self, done: bool) {
        self.gets.count(done);
    }

    /// The counter of a change. Clients cannot ask for an expiration.
    pub(super) fn of(&self, change: &Change) -> &Counter {
        match change {
            Change::Set { .. } => &self.sets,
            Change::Create { .. } => &self.creates,
            Change::Update { .. } => &self.updates,
            Change::CompareAndSwap { .. } => &self.swaps,
            Change::CompareAndDelete { .. } => &self.compare_deletes,
            Change::Delete { .. } | Change::Expire { .. } => &self.deletes,
        }
    }
}

/// Answers a request for what comes after `/v2/stats/`.
pub(super) fn answer(shared: &Arc<Shared>, head: &request::Parts, path: &[u8]) -> Option<Response<Answer>> {
    let figures = match path {
        b"store" => store(shared),
        b"self" => itself(shared),
        b"leader" => {
            let leader = format!("{:x}", shared.door.identity.member_id);
            object!({ "leader": leader, "followers": {} })
        }
        _ => return None,
    };
    let answer = || json(StatusCode::OK, figures.to_string().into_bytes());
    Some(refuse_others(&head.method, &[Method::GET]).unwrap_or_else(answer))
}

fn store(shared: &Shared) -> serde_json::Value {
    let counts = &shared.v2.counts;
    object!({
        "getsSuccess": counts.gets.done(),
        "getsFail": counts.gets.failed(),
        "setsSuccess": counts.sets.done(),
        "setsFail": counts.sets.failed(),
        "deleteSuccess": counts.deletes.done(),
        "deleteFail": counts.deletes.failed(),
        "updateSuccess": counts.updates.done(),
        "updateFail": counts.updates.failed(),
        "createSuccess": counts.creates.done(),
        "createFail": counts.creates.failed(),
        "compareAndSwapSuccess": counts.swaps.done(),
        "compareAndSwapFail": counts.swaps.failed(),
        "compareAndDeleteSuccess": counts.compare_deletes.done(),
        "compareAndDeleteFail": counts.compare_deletes.failed(),
        "expireCount": shared.v2.waiting.expired(),
        "watchers": shared.v2.waiting.len(),
    })
}

fn itself(shared: &Shared) -> serde_json::Value {
    let id = format!("{:x}", shared.door.identity.member_id);
    let started = UnixMs(shared.v2.started_unix_ms).text();
    let up_s = (shared.v2.tree.now_unix_ms() - shared.v2.started_unix_ms).max(0) / 1000;
    object!({
        "name": shared.door.identity.name,
        "id": id,
        "state": "StateLeader",
        "startTime": started,
        "leaderInfo": {
            "leader": id,
            "uptime": format!("{}h{}m{}s", up_s / 3600, up_s / 60 % 60, up_s % 60),
            "startTime": started,
        },
        "recvAppendRequestCnt": 0,
        "sendAppendRequestCnt": 0,
    })
}
