//! What holds for every input whatsoever; property tests and fuzz targets look for one for which it does not.
//!
//! 1. No bytes make the codec panic, and what it sees never depends on how they were cut into reads (`heads_and_bodies`).
//! 2. What it takes can be passed on: written, and read by us or by a strict reader, it says the same (`passes_on`).
//! 3. What was meant is what is sent: after any edits, a written head reads as exactly the fields that the edits leave,
//!    and ends where it should (`edits`).
//! 4. Our reader and the strict reader see the same messages with the same borders; where one refuses, so does the
//!    other, but for sizes that only ours limits (`borders`).

pub mod edits;
pub mod message;
pub mod ours;
pub mod reference;
#[cfg(test)]
mod tests;

use crate::chunked::{LAST_CHUNK, write_chunk_start};
use crate::{Limits, RequestHead, ResponseHead};
use message::{Kind, Message, Stop};

/// Sizes that only ours limits: where they may be exceeded, ours may refuse what the reference takes. No message of the
/// laws can have more fields than [`Limits::FIELDS_MAX`] within this many bytes and not be told apart by it.
const LARGE_LEN: usize = 200;

/// What an input's first byte chooses, and the bytes themselves.
#[must_use]
pub fn responses_of(input: &[u8]) -> (Kind, &[u8]) {
    let (first, bytes) = input.split_first().unwrap_or((&0, &[]));
    let answers_head = first & 1 == 1;
    (Kind::Response { answers_head }, bytes)
}

/// Laws 1 and 2 for a connection's bytes.
///
/// # Panics
/// If it breaks one.
pub fn heads_and_bodies(kind: Kind, bytes: &[u8]) {
    let small = Limits {
        head_len_max: 64,
        target_len_max: 16,
        fields_max: 3,
    };
    for limits in [Limits::default(), small] {
        let whole = ours::read(kind, bytes, usize::MAX, &limits);
        for cut in [1, 2, 7] {
            let cut_up = ours::read(kind, bytes, cut, &limits);
            assert_eq!(cut_up, whole, "{cut} bytes at a time: {}", bytes.escape_ascii());
        }
        for message in &whole.0 {
            assert!(message.start <= message.head_end && message.head_end <= message.end);
            passes_on(kind, bytes, message);
        }
    }
}

/// Law 2 for a message within these bytes.
fn passes_on(kind: Kind, bytes: &[u8], message: &Message) {
    let head = bytes.get(message.start..message.head_end).unwrap_or_default();
    let mut out = Vec::new();
    match kind {
        Kind::Request => {
            let mut parsed = RequestHead::default();
            if parsed.parse(head, &Limits::default()).is_err() || parsed.fields().get("host").is_none() {
                // A head of 1.0 without Host is nothing to send on a connection that speaks 1.1.
                return;
            }
            parsed.write(&mut out);
        }
        Kind::Response { answers_head } => {
            let mut parsed = ResponseHead::default();
            if parsed.parse(head, answers_head, &Limits::default()).is_err() {
                return;
            }
            parsed.write(&mut out);
        }
    }
    write_body(&mut out, message);
    for read in [
        ours::read(kind, &out, usize::MAX, &Limits::default()),
        reference::read(kind, &out),
    ] {
        let again = read
            .0
            .first()
            .unwrap_or_else(|| panic!("{:?}: {}", read.1, out.escape_ascii()));
        let what = |message: &Message| match kind {
            Kind::Request => message.what.clone(),
            // A reason is only for people.
            Kind::Response { .. } => (message.what.0.clone(), Vec::new()),
        };
        assert_eq!(what(again), what(message));
        assert_eq!(again.fields, message.fields);
        assert_eq!(again.content, message.content);
        assert_eq!(
            (again.end, read.0.len()),
            (out.len(), 1),
            "{}",
            out.escape_ascii()
        );
    }
}

/// Writes content as the head announces it; of chunks, the content counts and not how it was cut.
fn write_body(out: &mut Vec<u8>, message: &Message) {
    let is_chunked = message
        .fields
        .iter()
        .any(|field| field.0.eq_ignore_ascii_case(b"transfer-encoding"));
    let is_bodiless = message.head_end == message.end;
    if !is_chunked || is_bodiless {
        return out.extend_from_slice(&message.content);
    }
    for chunk in message.content.chunks(5) {
        write_chunk_start(out, chunk.len());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(LAST_CHUNK);
}

/// Law 4 for a connection's bytes.
///
/// # Panics
/// If it breaks it.
pub fn borders(kind: Kind, bytes: &[u8]) {
    let limits = Limits {
        fields_max: Limits::FIELDS_MAX,
        ..Limits::default()
    };
    let ours = ours::read(kind, bytes, usize::MAX, &limits);
    let mut theirs = reference::read(kind, bytes);
    if kind != Kind::Request {
        theirs.0.iter_mut().for_each(|message| message.what.1.clear());
    }
    let shown = || bytes.escape_ascii().to_string();
    let common = ours.0.len().min(theirs.0.len());
    assert_eq!(ours.0.get(..common), theirs.0.get(..common), "{}", shown());
    let is_large = bytes.len() > LARGE_LEN;
    match ours.1 {
        // What we refuse must be wrong, or may be larger than we take.
        Stop::Malformed if is_large => assert!(ours.0.len() <= theirs.0.len(), "{}", shown()),
        Stop::Malformed => {
            // A reader that judges line by line waits for the line's end.
            let ends: [&[u8]; 3] = [b"", b"\r\n", b"\n"];
            let refuses = |end: &&[u8]| reference::read(kind, &[bytes, end].concat()).1 == Stop::Malformed;
            assert!(ends.iter().any(refuses), "only we refuse: {}", shown());
            assert_eq!(ours.0.len(), theirs.0.len(), "{}", shown());
        }
        // What we wait for may be refused already by a reader that judges line by line.
        Stop::Incomplete => {
            assert_eq!(ours.0.len(), theirs.0.len(), "{}", shown());
            assert!(
                matches!(theirs.1, Stop::Incomplete | Stop::Malformed),
                "{}",
                shown()
            );
        }
        Stop::Clean | Stop::Closed => {
            assert_eq!((ours.0.len(), ours.1), (theirs.0.len(), theirs.1), "{}", shown())
        }
    }
}
