//! The text of the watch's server-sent events.
//!
//! A `snapshot` may hold 100,000 instances, so its text is made in pieces, one service at a time: head, services,
//! tail. JSON as written here has no line breaks, so an event's data is one line.

use std::fmt::Display;

use bytes::Bytes;
use serde::Serialize;

/// Sent when there has been nothing else for a while, so that both sides notice a dead connection.
pub const HEARTBEAT: &[u8] = b":\n\n";

/// Sent first: a client that loses the connection should come back after two seconds.
pub const HELLO: &[u8] = b"retry: 2000\n\n";

/// The beginning of a `snapshot` event.
#[must_use]
pub fn snapshot_head(position: impl Display) -> Bytes {
    format!("event: snapshot\nid: {position}\ndata: {{\"services\":[").into()
}

/// The end of a `snapshot` event.
pub const SNAPSHOT_TAIL: &[u8] = b"]}\n\n";

/// Adds a whole event to `text`.
pub fn write_event(text: &mut Vec<u8>, event: &str, position: impl Display, data: &impl Serialize) {
    text.extend_from_slice(format!("event: {event}\nid: {position}\ndata: ").as_bytes());
    write_json(text, data);
    text.extend_from_slice(b"\n\n");
}

/// Adds `data` as JSON to `text`.
pub fn write_json(text: &mut Vec<u8>, data: &impl Serialize) {
    let start = text.len();
    if let Err(error) = serde_json::to_writer(&mut *text, data) {
        // Our shapes have text keys and write to memory: a fault of ours, which must not break the framing.
        tracing::error!(%error, "a shape could not be written as JSON");
        text.truncate(start);
        text.extend_from_slice(b"null");
    }
}
