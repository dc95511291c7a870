//! The v2 API: keys, members and figures over HTTP/1.1.
//!
//! | file | idea |
//! |---|---|
//! | `keys` | reading and changing nodes |
//! | `wait` | following the tree, and telling watchers |
//! | `members` | who is there |
//! | `counts` | how often what was asked |

mod counts;
mod keys;
mod members;
mod wait;

use std::sync::Arc;

use http::header::{ALLOW, CONTENT_TYPE, HeaderName, LOCATION};
use http::{HeaderValue, Method, Response, StatusCode, request};
use hyper::body::Incoming;
use koinon_io_net::Drain;
use koinon_store::TreeSpace;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::door::Inner;
use super::http1::{Answer, Shared, json, text};
use crate::translate::v2::Fault;
use crate::wire::v2::place::{clean, decoded};
use counts::Counts;
use wait::Waiting;

pub(super) use wait::Watching;

const KEYS: &[u8] = b"/v2/keys";
const MEMBERS: &[u8] = b"/v2/members";
const MACHINES: &[u8] = b"/v2/machines";
const STATS: &[u8] = b"/v2/stats/";

const CLUSTER_ID: HeaderName = HeaderName::from_static("x-etcd-cluster-id");
const ETCD_INDEX: HeaderName = HeaderName::from_static("x-etcd-index");
const RAFT_INDEX: HeaderName = HeaderName::from_static("x-raft-index");
const RAFT_TERM: HeaderName = HeaderName::from_static("x-raft-term");

/// What may stand in a path as it is (RFC 3986 §3.3).
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b',')
    .remove(b':')
    .remove(b';')
    .remove(b'=')
    .remove(b'@');

/// What the requests of a listener share.
pub(super) struct State {
    tree: TreeSpace,
    counts: Counts,
    waiting: Arc<Waiting>,
    started_unix_ms: i64,
}

impl State {
    /// Begins to follow the tree. To be called in a runtime.
    pub(super) fn new(door: &Inner, drain: &Drain) -> Self {
        let tree = door.store.tree();
        Self {
            waiting: Waiting::start(tree.clone(), drain.clone()),
            counts: Counts::default(),
            started_unix_ms: tree.now_unix_ms(),
            tree,
        }
    }
}

/// Answers a request, if its path is one of v2's.
pub(super) async fn answer(
    shared: &Arc<Shared>,
    head: &request::Parts,
    body: Incoming,
) -> Option<Response<Answer>> {
    let path = decoded(head.uri.path())?;
    let cleaned = clean(&path);
    if !cleaned.starts_with(b"/v2/") {
        return None;
    }
    if head.method == Method::OPTIONS {
        // For web pages of other hosts; which of them may ask is the guard's business.
        let mut response = text(StatusCode::OK, String::new());
        response.headers_mut().remove(CONTENT_TYPE);
        return Some(response);
    }
    if cleaned != path {
        return Some(moved(head, &cleaned));
    }
    if let Some(rest) = below(&path, KEYS) {
        return Some(keys::answer(shared, head, rest, body).await);
    }
    if let Some(rest) = below(&path, MEMBERS) {
        return Some(members::answer(shared, head, rest));
    }
    if path == MACHINES {
        return Some(members::machines(shared, head));
    }
    counts::answer(shared, head, path.strip_prefix(STATS)?)
}

/// What follows a prefix, if it ends there or at a slash.
fn below<'a>(path: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let rest = path.strip_prefix(prefix)?;
    (rest.is_empty() || rest.starts_with(b"/")).then_some(rest)
}

/// The path is written in another way than it should be.
fn moved(head: &request::Parts, path: &[u8]) -> Response<Answer> {
    let path = percent_encode(path, IN_PATH);
    let to = match head.uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_string(),
    };
    let shown = to.replace('&', "&amp;");
    let mut response = text(
        StatusCode::MOVED_PERMANENTLY,
        format!("<a href=\"{shown}\">Moved Permanently</a>.\n\n"),
    );
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    if let Ok(to) = HeaderValue::try_from(to) {
        headers.insert(LOCATION, to);
    }
    response
}

/// Refuses a method that is none of `allowed`.
fn refuse_others(method: &Method, allowed: &[Method]) -> Option<Response<Answer>> {
    if allowed.contains(method) {
        return None;
    }
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed\n".into());
    let names: Vec<&str> = allowed.iter().map(Method::as_str).collect();
    if let Ok(names) = HeaderValue::try_from(names.join(",")) {
        response.headers_mut().insert(ALLOW, names);
    }
    Some(response)
}

fn of_cluster(door: &Inner, mut response: Response<Answer>) -> Response<Answer> {
    if let Ok(id) = HeaderValue::try_from(format!("{:x}", door.identity.cluster_id)) {
        response.headers_mut().insert(CLUSTER_ID, id);
    }
    response
}

fn fault(fault: &Fault) -> Response<Answer> {
    let mut response = json(fault.status, fault.error.line());
    response
        .headers_mut()
        .insert(ETCD_INDEX, HeaderValue::from(fault.error.index));
    response
}

/// The figures that answers about keys carry. The log's own index is not shown by the store; the tree's grows like it.
fn placed(door: &Inner, index: i64, mut response: Response<Answer>) -> Response<Answer> {
    let headers = response.headers_mut();
    headers.insert(ETCD_INDEX, HeaderValue::from(index));
    headers.insert(RAFT_INDEX, HeaderValue::from(index));
    headers.insert(RAFT_TERM, HeaderValue::from(door.term()));
    response
}
