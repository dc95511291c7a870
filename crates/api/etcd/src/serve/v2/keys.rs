//! Reading and changing nodes.

use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{Method, Response, StatusCode, request};
use hyper::body::Incoming;
use koinon_core_kv::v2::{Change, Path};
use koinon_io_net::read_body_limited;
use koinon_store::Consistency;

use super::super::http1::{Answer, Shared, json};
use super::{fault, of_cluster, placed, refuse_others};
use crate::translate::v2::{Asked, Fault, asked};
use crate::wire::v2::form::Form;
use crate::wire::v2::json::EventJson;

/// How long a request's body may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// An escaped byte takes three.
const FORM_FOR_BYTES: usize = 3;
const FORM: &str = "application/x-www-form-urlencoded";

const METHODS: [Method; 5] = [
    Method::HEAD,
    Method::GET,
    Method::PUT,
    Method::POST,
    Method::DELETE,
];

/// Answers a request for what is at `path`, the part after `/v2/keys`.
pub(super) async fn answer(
    shared: &Arc<Shared>,
    head: &request::Parts,
    path: &[u8],
    body: Incoming,
) -> Response<Answer> {
    if let Some(refused) = refuse_others(&head.method, &METHODS) {
        return refused;
    }
    let answered = answer_asked(shared, head, path, body).await;
    shared.door.stats.count(answered.is_ok());
    of_cluster(&shared.door, answered.unwrap_or_else(|refused| fault(&refused)))
}

async fn answer_asked(
    shared: &Arc<Shared>,
    head: &request::Parts,
    path: &[u8],
    body: Incoming,
) -> Result<Response<Answer>, Fault> {
    let form = form(shared, head, body).await?;
    match asked(&head.method, path, &form, shared.v2.tree.now_unix_ms())? {
        Asked::Read {
            path,
            recursive,
            quorum,
        } => read(shared, &path, recursive, quorum).await,
        Asked::Wait { watch, stream } => {
            let (index, answer) = shared.v2.waiting.watch(watch, stream).await?;
            Ok(placed(&shared.door, index, answer))
        }
        Asked::Change {
            change,
            without_nodes,
        } => write(shared, change, without_nodes).await,
    }
}

/// The fields of the body, if it is a form, then those of the query. Of two faults the body's is told.
async fn form(shared: &Shared, head: &request::Parts, body: Incoming) -> Result<Form, Fault> {
    let mut form = Form::default();
    let mut read = Ok(());
    if matches!(head.method, Method::PUT | Method::POST) {
        let max = shared.door.limits.request_bytes_max * FORM_FOR_BYTES;
        let body = read_body_limited(body, max, BODY_TIMEOUT)
            .await
            .map_err(|error| Fault::unreadable(error.to_string()))?;
        if is_form(head) {
            read = form.add(&body);
        }
    }
    let query = form.add(head.uri.query().unwrap_or_default().as_bytes());
    read.and(query)?;
    Ok(form)
}

fn is_form(head: &request::Parts) -> bool {
    let content_type = head
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let kind = content_type.and_then(|value| value.split(';').next());
    kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case(FORM))
}

async fn read(
    shared: &Shared,
    path: &Path,
    recursive: bool,
    quorum: bool,
) -> Result<Response<Answer>, Fault> {
    let consistency = if quorum {
        Consistency::Linearizable
    } else {
        Consistency::Serializable
    };
    let found = shared.v2.tree.read(path, recursive, consistency).await;
    shared.v2.counts.read(found.is_ok());
    let found = found?;
    let event = EventJson::read(&found.value, shared.v2.tree.now_unix_ms());
    Ok(placed(
        &shared.door,
        found.revision,
        json(StatusCode::OK, event.line()),
    ))
}

async fn write(shared: &Shared, change: Change, without_nodes: bool) -> Result<Response<Answer>, Fault> {
    let counter = shared.v2.counts.of(&change);
    let done = shared.v2.tree.change(change).await;
    counter.count(done.is_ok());
    let event = done?;
    let status = if event.created() {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let mut told = EventJson::event(&event);
    if without_nodes {
        told = told.without_nodes();
    }
    Ok(placed(&shared.door, event.index, json(status, told.line())))
}
