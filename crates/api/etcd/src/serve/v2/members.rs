//! Who is there. With one member nobody comes or goes.

use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::{Method, Response, StatusCode, request};
use serde::Serialize;

use super::super::http1::{Answer, Shared, json, text};
use super::{of_cluster, refuse_others};
use crate::translate::Identity;

const METHODS: [Method; 4] = [Method::GET, Method::POST, Method::DELETE, Method::PUT];

#[derive(Serialize)]
struct MemberJson<'a> {
    id: String,
    name: &'a str,
    #[serde(rename = "peerURLs")]
    peer_urls: &'a [String],
    #[serde(rename = "clientURLs")]
    client_urls: &'a [String],
}

#[derive(Serialize)]
struct MembersJson<'a> {
    members: [MemberJson<'a>; 1],
}

#[derive(Serialize)]
struct MessageJson {
    message: String,
}

/// Answers a request for what comes after `/v2/members`.
pub(super) fn answer(shared: &Arc<Shared>, head: &request::Parts, path: &[u8]) -> Response<Answer> {
    if let Some(refused) = refuse_others(&head.method, &METHODS) {
        return refused;
    }
    let identity = &shared.door.identity;
    let path = String::from_utf8_lossy(path.strip_prefix(b"/").unwrap_or(path));
    let response = match (head.method.as_str(), path.as_ref()) {
        ("GET", "") => line(
            StatusCode::OK,
            &MembersJson {
                members: [member(identity)],
            },
        ),
        ("GET", "leader") => line(StatusCode::OK, &member(identity)),
        ("GET", _) => message(StatusCode::NOT_FOUND, "Not found"),
        ("DELETE" | "PUT", "") => text(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed\n".into()),
        ("DELETE" | "PUT", id) if u64::from_str_radix(id, 16) != Ok(identity.member_id) => {
            message(StatusCode::NOT_FOUND, &format!("No such member: {id}"))
        }
        _ => message(
            StatusCode::NOT_IMPLEMENTED,
            "members cannot be changed: this server is on its own",
        ),
    };
    of_cluster(&shared.door, response)
}

/// Where clients find the cluster, as the oldest of them ask.
pub(super) fn machines(shared: &Arc<Shared>, head: &request::Parts) -> Response<Answer> {
    if let Some(refused) = refuse_others(&head.method, &[Method::GET, Method::HEAD]) {
        return refused;
    }
    let mut response = text(StatusCode::OK, shared.door.identity.client_urls.join(", "));
    // The original leaves it to the reader.
    response.headers_mut().remove(CONTENT_TYPE);
    response
}

fn member(identity: &Identity) -> MemberJson<'_> {
    MemberJson {
        id: format!("{:x}", identity.member_id),
        name: &identity.name,
        peer_urls: &identity.peer_urls,
        client_urls: &identity.client_urls,
    }
}

fn message(status: StatusCode, message: &str) -> Response<Answer> {
    line(
        status,
        &MessageJson {
            message: message.to_owned(),
        },
    )
}

fn line(status: StatusCode, content: &impl Serialize) -> Response<Answer> {
    // Texts always have a form.
    let mut line = serde_json::to_vec(content).unwrap_or_default();
    line.push(b'\n');
    json(status, line)
}
