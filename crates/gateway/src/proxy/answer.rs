//! Answers that the gateway itself gives: a filter's, and those to what cannot be forwarded.

use koinon_base::Rng;
use koinon_core_http1::{RequestHead, ResponseHead, Version};
use koinon_core_route::Answer;

use super::End;
use super::client::Client;
use super::record::Record;
use crate::fault::{Fault, given_request_id};
use crate::io::Scratch;

/// Tells the client why its request is not answered by anybody else.
pub(super) async fn answer_fault(
    client: &mut Client,
    record: &mut Record,
    fault: Fault,
    head: Option<&RequestHead>,
    keeps: bool,
) -> End {
    let id = head
        .and_then(given_request_id)
        .map_or_else(new_request_id, str::to_owned);
    let upstream = record.upstream_name();
    tracing::debug!(
        request_id = id,
        reason = fault.code(),
        status = fault.status(),
        upstream,
        method = head.map_or("-", RequestHead::method),
        path = head.map_or("-", RequestHead::path),
        "a request was not forwarded"
    );
    record.fault = Some(fault);
    let answer = Answer {
        status: fault.status(),
        headers: vec![
            ("Content-Type".into(), "application/json".into()),
            ("X-Request-Id".into(), id.clone()),
        ],
        body: fault.body(&id),
    };
    record.request_id = Some(id);
    write(client, record, &answer, head, keeps).await
}

/// Gives the answer that a filter made.
pub(super) async fn answer_local(
    client: &mut Client,
    record: &mut Record,
    answer: &Answer,
    head: &RequestHead,
    keeps: bool,
) -> End {
    write(client, record, answer, Some(head), keeps).await
}

async fn write(
    client: &mut Client,
    record: &mut Record,
    answer: &Answer,
    head: Option<&RequestHead>,
    keeps: bool,
) -> End {
    let keeps = keeps && !client.is_draining();
    let mut response = ResponseHead::default();
    response.start(answer.status);
    let fields = response.fields_mut();
    for (name, value) in &answer.headers {
        if !fields.add(name, value.as_bytes()) {
            tracing::warn!(
                name,
                "a filter's answer has a header that is not valid; it is left out"
            );
        }
    }
    let is_empty = matches!(answer.status, 100..=199 | 204 | 304);
    let len = answer.body.len().to_string();
    let is_old = head.is_some_and(|head| head.version() == Version::Http10);
    let connection = match (keeps, is_old) {
        (false, _) => Some("close"),
        (true, true) => Some("keep-alive"),
        (true, false) => None,
    };
    // Digits and fixed words are always valid.
    let _ = (
        is_empty || fields.set("Content-Length", len.as_bytes()),
        connection.is_none_or(|word| fields.set("Connection", word.as_bytes())),
    );
    let mut text = Scratch::new();
    response.write(&mut text);
    let wants_none = is_empty || head.is_some_and(|head| head.method() == "HEAD");
    let body = if wants_none { &[] } else { answer.body.as_slice() };
    record.status = answer.status;
    record.bytes = body.len() as u64;
    match (client.write([&text, body]).await, keeps) {
        (Err(_), _) => End::Close,
        (Ok(()), true) => End::KeepAlive,
        (Ok(()), false) => End::Linger,
    }
}

fn new_request_id() -> String {
    let mut rng = Rng::from_entropy();
    format!("{:016x}{:016x}", rng.next_u64(), rng.next_u64())
}
