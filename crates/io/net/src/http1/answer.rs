//! An answer, and how its head is written.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use koinon_core_http1::response::{reason, write_status_line};

use super::date;

/// The bytes of an answer. Shared ones are sent from where they lie.
#[derive(Debug, Clone, Default)]
pub enum Payload {
    /// None.
    #[default]
    Empty,
    /// In one piece.
    One(Bytes),
    /// In several pieces, and how long they are together.
    Pieces(Arc<[Bytes]>, u64),
}

impl Payload {
    /// How many bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::One(bytes) => bytes.len() as u64,
            Self::Pieces(_, len) => *len,
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A copy of all of it in one piece.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        self.parts().concat()
    }

    /// The pieces, in order.
    #[must_use]
    pub fn parts(&self) -> &[Bytes] {
        match self {
            Self::Empty => &[],
            Self::One(bytes) => std::slice::from_ref(bytes),
            Self::Pieces(parts, _) => parts,
        }
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Self::One(bytes.into())
    }
}

impl From<String> for Payload {
    fn from(text: String) -> Self {
        Self::One(text.into_bytes().into())
    }
}

impl From<Vec<Bytes>> for Payload {
    fn from(parts: Vec<Bytes>) -> Self {
        let len = parts.iter().map(|part| part.len() as u64).sum();
        Self::Pieces(parts.into(), len)
    }
}

/// One answer. Length, date and connection are the server's to say.
#[derive(Debug, Clone)]
pub struct Answer {
    status: u16,
    fields: Vec<(&'static str, Cow<'static, str>)>,
    payload: Payload,
}

impl Answer {
    /// An answer without fields of its own.
    #[must_use]
    pub fn new(status: u16, payload: Payload) -> Self {
        Self {
            status,
            fields: Vec::new(),
            payload,
        }
    }

    /// Adds a field. A value with a control character is left out: it could be read as a second field.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        let value = value.into();
        if koinon_core_http1::fields::is_value(value.as_bytes()) {
            self.fields.push((name, value));
        }
        self
    }

    /// The same with another status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The payload.
    #[must_use]
    pub fn payload(&self) -> &Payload {
        &self.payload
    }

    /// Writes the head. `connection` is what the server says of the connection's future.
    pub(super) fn write_head(&self, out: &mut Vec<u8>, connection: Option<&str>) {
        write_status_line(out, self.status, reason(self.status).as_bytes());
        for (name, value) in &self.fields {
            write_field(out, name, value.as_bytes());
        }
        // A 204 must not say a length (RFC 9110 §8.6).
        if self.status != 204 {
            let mut digits = itoa::Buffer::new();
            write_field(
                out,
                "content-length",
                digits.format(self.payload.len()).as_bytes(),
            );
        }
        if let Some(connection) = connection {
            write_field(out, "connection", connection.as_bytes());
        }
        date::write(out);
        out.extend_from_slice(b"\r\n");
    }
}

fn write_field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}
