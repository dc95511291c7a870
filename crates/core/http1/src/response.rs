//! A response's head.

use std::mem::MaybeUninit;

use httparse::{Header, ParserConfig};

use crate::fields::{Fields, Span};
use crate::framing::ResponsePlan;
use crate::{Limits, Refusal, Version};

/// The head of a response. One value serves a whole connection: parsing the next head reuses its memory.
#[derive(Debug, Clone, Default)]
pub struct ResponseHead {
    fields: Fields,
    version: Version,
    status: u16,
    reason: Span,
}

impl ResponseHead {
    /// Reads one whole head, as [`crate::HeadScan`] found it, in place of what was here. `answers_head`: the request's
    /// method was HEAD.
    ///
    /// # Errors
    /// Why it is not taken. What is here then is not a head; parse another before reading it.
    pub fn parse(
        &mut self,
        head: &[u8],
        answers_head: bool,
        limits: &Limits,
    ) -> Result<ResponsePlan, Refusal> {
        self.fields.clear();
        self.fields.hold(head).ok_or(Refusal::HeadTooLong)?;
        let mut room = [const { MaybeUninit::<Header<'_>>::uninit() }; Limits::FIELDS_MAX];
        let allowed = limits.fields_max.min(Limits::FIELDS_MAX);
        let mut parsed = httparse::Response::new(&mut []);
        let read = ParserConfig::default().parse_response_with_uninit_headers(
            &mut parsed,
            head,
            room.get_mut(..allowed).unwrap_or_default(),
        );
        match read {
            Ok(httparse::Status::Complete(len)) if len == head.len() => {}
            Ok(_) => return Err(Refusal::StatusLine),
            Err(error) => return Err(refusal_of(error)),
        }
        let Some(status) = parsed.code.filter(|status| (100..=599).contains(status)) else {
            return Err(Refusal::StatusLine);
        };
        self.version = match parsed.version {
            Some(0) => Version::Http10,
            _ => Version::Http11,
        };
        self.status = status;
        self.reason = Fields::place(head, parsed.reason.unwrap_or_default().as_bytes());
        for header in parsed.headers.iter() {
            let name = Fields::place(head, header.name.as_bytes());
            self.fields.push_placed(name, Fields::place(head, header.value));
        }
        ResponsePlan::of(&self.fields, self.version, status, answers_head)
    }

    /// Makes this the head of a response that is built rather than read.
    pub fn start(&mut self, status: u16) {
        self.fields.clear();
        self.version = Version::Http11;
        self.status = status.clamp(100, 599);
        self.reason = Span::default();
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Replaces the status; the reason becomes the usual one.
    pub fn set_status(&mut self, status: u16) {
        self.status = status.clamp(100, 599);
        self.reason = Span::default();
    }

    /// The version.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// The header fields.
    #[must_use]
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// The header fields, to be changed.
    pub fn fields_mut(&mut self) -> &mut Fields {
        &mut self.fields
    }

    /// Writes the head, its empty line included. What is sent is always HTTP/1.1.
    pub fn write(&self, out: &mut Vec<u8>) {
        let reason = match self.reason.is_empty() {
            true => reason(self.status).as_bytes(),
            false => self.fields.at(self.reason),
        };
        write_status_line(out, self.status, reason);
        self.fields.write(out);
        out.extend_from_slice(b"\r\n");
    }
}

/// Writes `HTTP/1.1 200 OK` and its line end.
pub fn write_status_line(out: &mut Vec<u8>, status: u16, reason: &[u8]) {
    let digit = |n: u16| b'0' + (n % 10) as u8;
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(&[digit(status / 100), digit(status / 10), digit(status), b' ']);
    out.extend_from_slice(reason);
    out.extend_from_slice(b"\r\n");
}

/// The usual words for a status.
#[must_use]
pub fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        103 => "Early Hints",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        418 => "I'm a teapot",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        423 => "Locked",
        424 => "Failed Dependency",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        507 => "Insufficient Storage",
        511 => "Network Authentication Required",
        _ => "",
    }
}

fn refusal_of(error: httparse::Error) -> Refusal {
    match error {
        httparse::Error::HeaderName | httparse::Error::HeaderValue => Refusal::Field,
        httparse::Error::NewLine => Refusal::BareLineEnd,
        httparse::Error::TooManyHeaders => Refusal::TooManyFields,
        httparse::Error::Version => Refusal::Version,
        httparse::Error::Status | httparse::Error::Token => Refusal::StatusLine,
    }
}
