//! What operators and their tools ask over plain HTTP: version, health, figures.

use std::fmt::Write as _;

use bytes::Bytes;
use http::header::ALLOW;
use http::{HeaderValue, Method, Response, StatusCode, request};
use koinon_core_kv::{Keys, Range};

use super::door::Inner;
use super::http1::{Answer, Shared, json, text};
use crate::translate::header::VERSION;

/// Answers a request that is no call.
pub(super) async fn answer(shared: &Shared, head: &request::Parts) -> Response<Answer> {
    let path = head.uri.path();
    if head.method != Method::GET && head.method != Method::HEAD {
        let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed\n".into());
        refused
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET"));
        return refused;
    }
    let (probe, check) = path
        .trim_start_matches('/')
        .split_once('/')
        .unwrap_or((path.trim_start_matches('/'), ""));
    match (probe, check) {
        ("version", "") => version(),
        ("health", "") => health(shared, head).await,
        ("metrics", "") => text(StatusCode::OK, metrics(&shared.door)),
        ("livez", check) => checked("livez", check, &["serializable_read"], shared, head).await,
        ("readyz", check) => {
            let checks = [
                "data_corruption",
                "serializable_read",
                "linearizable_read",
                "non_learner",
            ];
            checked("readyz", check, &checks, shared, head).await
        }
        _ => text(StatusCode::NOT_FOUND, "404 page not found\n".into()),
    }
}

fn version() -> Response<Answer> {
    let cluster = "3.6.0";
    let body = format!(r#"{{"etcdserver":"{VERSION}","etcdcluster":"{cluster}","storage":"{cluster}"}}"#);
    json(StatusCode::OK, body.into_bytes())
}

/// JSON that is called a text, as etcd does.
async fn health(shared: &Shared, head: &request::Parts) -> Response<Answer> {
    // An operator may leave out an alarm that is known.
    let leaves_out = |name: &str| {
        let parts = head.uri.query().into_iter().flat_map(|query| query.split('&'));
        parts
            .filter_map(|part| part.strip_prefix("exclude="))
            .any(|part| part == name)
    };
    let alarms = shared.door.alarms.raised();
    let alarm = alarms.iter().map(|alarm| alarm.alarm().as_str_name());
    let alarm = alarm
        .filter(|name| !leaves_out(name))
        .map(|name| format!("ALARM {name}"))
        .next();
    let trouble = match alarm {
        Some(alarm) => Some(alarm),
        None => trouble(shared).await,
    };
    match trouble {
        None => text(StatusCode::OK, r#"{"health":"true","reason":""}"#.to_owned()),
        Some(reason) => {
            let body = serde_json::json!({ "health": "false", "reason": reason });
            text(StatusCode::SERVICE_UNAVAILABLE, body.to_string())
        }
    }
}

/// Why the door does not serve as it should.
async fn trouble(shared: &Shared) -> Option<String> {
    if shared.drain.is_draining() {
        return Some("the process is draining".into());
    }
    let any = Range {
        keys_only: true,
        count_only: true,
        ..Range::of(Keys::One(Bytes::from_static(b"health")))
    };
    shared.door.one(&any).await.err().map(|error| error.to_string())
}

/// A probe of several checks. They all stand or fall with whether a key can be read.
async fn checked(
    probe: &str,
    check: &str,
    checks: &[&str],
    shared: &Shared,
    head: &request::Parts,
) -> Response<Answer> {
    if !check.is_empty() && !checks.contains(&check) {
        return text(StatusCode::NOT_FOUND, "404 page not found\n".into());
    }
    // A draining process lives, but is not ready.
    let trouble = match trouble(shared).await {
        Some(_) if probe == "livez" && shared.drain.is_draining() => None,
        trouble => trouble,
    };
    let verbose = head
        .uri
        .query()
        .is_some_and(|query| query.split('&').any(|part| part.starts_with("verbose")));
    let mut lines = String::new();
    if verbose || trouble.is_some() {
        for name in checks.iter().filter(|name| check.is_empty() || **name == check) {
            // Writing to a string cannot fail.
            let _ = match &trouble {
                None => writeln!(lines, "[+]{name} ok"),
                Some(reason) => writeln!(lines, "[-]{name} failed: {reason}"),
            };
        }
    }
    match trouble {
        None => text(StatusCode::OK, lines + "ok\n"),
        Some(_) => text(StatusCode::SERVICE_UNAVAILABLE, lines),
    }
}

/// The figures that dashboards and tools made for etcd begin with. Everything else is at the `admin` listener.
fn metrics(door: &Inner) -> String {
    let stats = &door.stats;
    let mut out = String::new();
    let mut gauge = |name, help, value| put(&mut out, "gauge", name, help, value);
    gauge("etcd_server_has_leader", "Whether there is a leader.", 1);
    gauge("etcd_server_is_leader", "Whether this member leads.", 1);
    gauge(
        "etcd_debugging_mvcc_current_revision",
        "The keyspace's revision.",
        u64::try_from(door.space.revision()).unwrap_or(0),
    );
    gauge(
        "etcd_debugging_mvcc_watcher_total",
        "Watchers open now.",
        stats.watchers_open(),
    );
    gauge(
        "etcd_debugging_mvcc_watch_stream_total",
        "Lasting calls open now.",
        stats.streams_open(),
    );
    gauge(
        "etcd_debugging_mvcc_slow_watcher_total",
        "Watchers that cannot be told.",
        0,
    );
    sizes(&mut out, door);
    let mut counter = |name, help, value| put(&mut out, "counter", name, help, value);
    counter(
        "etcd_debugging_mvcc_events_total",
        "Events sent to watchers.",
        stats.events(),
    );
    counter(
        "koinon_etcd_calls_answered_total",
        "Calls answered as asked.",
        stats.answered(),
    );
    counter(
        "koinon_etcd_calls_failed_total",
        "Calls that ended with an error.",
        stats.failed(),
    );
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "# HELP etcd_server_version The version that is spoken.\n# TYPE etcd_server_version gauge\n\
         etcd_server_version{{server_version=\"{VERSION}\"}} 1\n"
    );
    out
}

fn sizes(out: &mut String, door: &Inner) {
    let figures = door.store.figures();
    let space = figures.spaces.iter().find(|space| space.space == door.space_id);
    let mut gauge = |name, help, value| put(out, "gauge", name, help, value);
    gauge(
        "etcd_mvcc_db_total_size_in_bytes",
        "Bytes of the store's file.",
        figures.backend.size_bytes,
    );
    if let Some(space) = space {
        gauge(
            "etcd_mvcc_db_total_size_in_use_in_bytes",
            "Bytes of what can be read in the keyspace, present and past: what the quota is of.",
            space.kv.live_bytes,
        );
        gauge(
            "etcd_server_quota_backend_bytes",
            "The keyspace's quota.",
            space.quota_bytes,
        );
    }
    if let Some(bytes) = resident_bytes() {
        gauge(
            "process_resident_memory_bytes",
            "Memory that the process has.",
            bytes,
        );
    }
}

fn put(out: &mut String, kind: &str, name: &str, help: &str, value: u64) {
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n"
    );
}

/// What the process has in memory, where the system tells it (Linux, in KiB).
fn resident_bytes() -> Option<u64> {
    let told = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = told.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}
