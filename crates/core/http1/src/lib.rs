//! HTTP/1.0 and 1.1 without sockets: heads, message borders and bodies, for servers and clients, strict on both sides.
//!
//! Two readers that disagree about where a message ends let one client speak in another's name (request smuggling).
//! So nothing here is repaired or guessed: a message is exactly what RFC 9112 allows, or it is a [`Refusal`] with the
//! status to answer before the connection closes.
//!
//! What a reader of a connection does, over and over:
//!
//! 1. [`HeadScan`] finds the end of a head in the bytes so far, and refuses broken lines as soon as they arrive;
//! 2. [`RequestHead::parse`] (or [`ResponseHead::parse`]) takes that head and says what follows ([`RequestPlan`]);
//! 3. a [`BodyReader`] tells content from framing until the message ends.
//!
//! Invariants:
//! - a head holds its own bytes: fields are places in one buffer, and parsing the next head reuses it;
//! - a written head, read again, says the same (`laws`, fuzzed);
//! - the end of a message never depends on how its bytes were cut into reads;
//! - no bytes make this reader and a strict reader written apart from it (`laws/reference.rs`) see different borders.

pub mod body;
pub mod chunked;
pub mod fields;
pub mod framing;
#[cfg(any(test, feature = "laws"))]
pub mod laws;
pub mod refusal;
pub mod request;
pub mod response;
pub mod scan;

pub use body::{BodyReader, Part};
pub use chunked::ChunkedReader;
pub use fields::{Field, Fields, Known};
pub use framing::{BodyLength, RequestPlan, ResponsePlan};
pub use refusal::Refusal;
pub use request::{RequestHead, Version};
pub use response::ResponseHead;
pub use scan::HeadScan;

/// How large a head may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of a whole head, its first line and the empty one included. 64 KiB.
    pub head_len_max: usize,
    /// The most bytes of a request's target. 16 KiB: metadata travels in query strings.
    pub target_len_max: usize,
    /// The most fields of a head, at most [`Limits::FIELDS_MAX`]. 100, as most proxies allow.
    pub fields_max: usize,
}

impl Limits {
    /// No setting can allow more fields than this.
    pub const FIELDS_MAX: usize = 256;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_len_max: 64 * 1024,
            target_len_max: 16 * 1024,
            fields_max: 100,
        }
    }
}
