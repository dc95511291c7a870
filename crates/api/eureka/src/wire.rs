//! Eureka's wire formats: bytes ⇄ typed messages, and nothing else.
//!
//! What goes out is what a Spring Cloud Eureka server writes, byte for byte: its JSON, its indented XML, and
//! the compact variant of both that a client gets with `X-Eureka-Accept: compact`. What comes in may be looser:
//! numbers as texts, missing wrappers, unknown fields (see [`json`] and [`xml`]).
//!
//! Encoding appends to a byte vector and builds nothing in between. The body of all applications is written in
//! fragments (head, applications, tail) so that whoever serves it can keep the bytes of an application that did
//! not change.
//!
//! Invariant: whatever `decode_*` accepts can be written in every format and read back equal (see `laws`). Hence
//! a text with a character that XML cannot carry is refused in JSON too.
//!
//! The messages of peer replication will be a file beside [`model`].

mod draft;
mod error;
mod escape;
pub mod json;
pub mod model;
pub mod xml;

#[cfg(any(test, feature = "laws"))]
pub mod laws;

use std::fmt;

pub use draft::check_pair;
pub use error::DecodeError;
pub use model::{
    ActionType, Application, Applications, DataCenterInfo, DataCenterName, InstanceInfo, LeaseInfo, Pairs,
    Port, Status,
};

/// A single instance may take this many bytes. The largest seen in the wild are a few KiB; 1 MiB leaves room for
/// metadata and keeps what one request can make us hold small.
pub const INSTANCE_LEN_MAX: usize = 1 << 20;

/// A list of applications may take this many bytes: 300,000 instances of 1.7 KiB.
pub const APPLICATIONS_LEN_MAX: usize = 512 << 20;

/// In what a message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// `application/json`.
    Json,
    /// `application/xml`.
    Xml,
}

impl Format {
    /// Its `Content-Type`.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Xml => "application/xml",
        }
    }

    /// Reads an instance, as a client registers itself.
    ///
    /// # Errors
    ///
    /// Says which field is wrong, or where the body stops being well-formed.
    pub fn decode_instance(self, body: &[u8]) -> Result<InstanceInfo<'static>, DecodeError> {
        match self {
            Self::Json => json::decode_instance(body),
            Self::Xml => xml::decode_instance(body),
        }
    }

    /// Reads a list of applications, as a client fetches it.
    ///
    /// # Errors
    ///
    /// Says which field is wrong, or where the body stops being well-formed.
    pub fn decode_applications(self, body: &[u8]) -> Result<Applications<'static>, DecodeError> {
        match self {
            Self::Json => json::decode_applications(body),
            Self::Xml => xml::decode_applications(body),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "JSON",
            Self::Xml => "XML",
        })
    }
}

/// How much of an instance is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Detail {
    /// Everything.
    Full,
    /// What a caller needs to dial it: no lease, no metadata, no URLs.
    Compact,
}

/// What stands around the applications of a list. Head and tail get the same one, because the full variant
/// writes it before the applications and the compact one behind them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The version of the list; -1 for the list of one VIP.
    pub versions_delta: i64,
    /// The count of every status, such as `DOWN_1_UP_12_`.
    pub apps_hashcode: &'a str,
    /// Whether no application stands between head and tail.
    pub empty: bool,
}

/// Writes messages in one format and detail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Encoder {
    /// In what.
    pub format: Format,
    /// How much.
    pub detail: Detail,
}

impl Encoder {
    /// The four of them.
    pub const ALL: [Self; 4] = [
        Self::new(Format::Json, Detail::Full),
        Self::new(Format::Json, Detail::Compact),
        Self::new(Format::Xml, Detail::Full),
        Self::new(Format::Xml, Detail::Compact),
    ];

    /// The encoder for `format` and `detail`.
    #[must_use]
    pub const fn new(format: Format, detail: Detail) -> Self {
        Self { format, detail }
    }

    /// Writes the body that answers for one instance.
    pub fn write_instance_root(self, out: &mut Vec<u8>, instance: &InstanceInfo<'_>) {
        match self.format {
            Format::Json => json::write::instance_root(out, self.detail, instance),
            Format::Xml => xml::write::instance_root(out, self.detail, instance),
        }
    }

    /// Writes the body that answers for one application.
    pub fn write_application_root<'a>(
        self,
        out: &mut Vec<u8>,
        name: &str,
        instances: impl IntoIterator<Item = InstanceInfo<'a>>,
    ) {
        match self.format {
            Format::Json => json::write::application_root(out, self.detail, name, instances),
            Format::Xml => xml::write::application_root(out, self.detail, name, instances),
        }
    }

    /// Writes what comes before the applications of a list.
    pub fn write_applications_head(self, out: &mut Vec<u8>, frame: Frame<'_>) {
        match self.format {
            Format::Json => json::write::applications_head(out, self.detail, frame),
            Format::Xml => xml::write::applications_head(out, self.detail, frame),
        }
    }

    /// Writes one application of a list, without what separates it from the next.
    pub fn write_application<'a>(
        self,
        out: &mut Vec<u8>,
        name: &str,
        instances: impl IntoIterator<Item = InstanceInfo<'a>>,
    ) {
        match self.format {
            Format::Json => json::write::application(out, self.detail, name, instances),
            Format::Xml => xml::write::application(out, self.detail, name, instances),
        }
    }

    /// What stands between two applications of a list.
    #[must_use]
    pub fn application_separator(self) -> &'static [u8] {
        match self.format {
            Format::Json => b",",
            Format::Xml => b"",
        }
    }

    /// Writes what comes after the applications of a list.
    pub fn write_applications_tail(self, out: &mut Vec<u8>, frame: Frame<'_>) {
        match self.format {
            Format::Json => json::write::applications_tail(out, self.detail, frame),
            Format::Xml => xml::write::applications_tail(out, self.detail, frame),
        }
    }

    /// Writes a whole list at once, for answers that nobody keeps.
    pub fn write_applications_root(self, out: &mut Vec<u8>, list: &Applications<'_>) {
        let frame = Frame {
            versions_delta: list.versions_delta,
            apps_hashcode: &list.apps_hashcode,
            empty: list.applications.is_empty(),
        };
        self.write_applications_head(out, frame);
        for (n, application) in list.applications.iter().enumerate() {
            if n > 0 {
                out.extend_from_slice(self.application_separator());
            }
            self.write_application(out, &application.name, application.instances.iter().cloned());
        }
        self.write_applications_tail(out, frame);
    }
}
