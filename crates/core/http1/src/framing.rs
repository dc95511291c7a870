//! Where a message ends and whether its connection goes on, told by its head (RFC 9112 §6, §9).

use crate::fields::{Fields, Known};
use crate::request::is_host;
use crate::{Refusal, RequestHead, Version};

/// How the end of a body is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyLength {
    /// There is no body.
    Empty,
    /// So many bytes; more than none.
    Known(u64),
    /// Chunks, with their sizes.
    Chunked,
    /// Everything until the connection closes: responses only.
    UntilClose,
}

/// What follows a request's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestPlan {
    /// Its body.
    pub body: BodyLength,
    /// Whether the client wants to send more requests.
    pub keep_alive: bool,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub expects_continue: bool,
    /// Whether the client offers to go on in another protocol.
    pub upgrade: bool,
}

/// What follows a response's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponsePlan {
    /// Its body.
    pub body: BodyLength,
    /// Whether the server takes more requests on this connection.
    pub keep_alive: bool,
}

impl RequestPlan {
    pub(crate) fn of(head: &RequestHead) -> Result<Self, Refusal> {
        let (fields, version) = (head.fields(), head.version());
        let body = declared(fields, version)?.unwrap_or(BodyLength::Empty);
        check_host(head)?;
        let connection = Connection::of(fields);
        Ok(Self {
            body,
            // What follows CONNECT is a tunnel's or nobody's, never another request.
            keep_alive: connection.keeps_alive(version) && head.method() != "CONNECT",
            expects_continue: expects_continue(fields, version)?,
            upgrade: connection.upgrade
                && version == Version::Http11
                && fields.known(Known::Upgrade).next().is_some(),
        })
    }
}

impl ResponsePlan {
    pub(crate) fn of(
        fields: &Fields,
        version: Version,
        status: u16,
        answers_head: bool,
    ) -> Result<Self, Refusal> {
        let declared = declared(fields, version)?;
        let bodiless = answers_head || status < 200 || matches!(status, 204 | 304);
        let body = match declared {
            _ if bodiless => BodyLength::Empty,
            Some(length) => length,
            None => BodyLength::UntilClose,
        };
        // A body where none may be: whatever comes next on this connection cannot be trusted.
        let suspicious =
            matches!(status, 100..200 | 204) && declared.is_some_and(|length| length != BodyLength::Empty);
        let keep_alive = Connection::of(fields).keeps_alive(version);
        Ok(Self {
            body,
            keep_alive: keep_alive && body != BodyLength::UntilClose && !suspicious,
        })
    }
}

/// What a head says of its body's length, if it says anything.
fn declared(fields: &Fields, version: Version) -> Result<Option<BodyLength>, Refusal> {
    if fields.has_disguised() {
        return Err(Refusal::DisguisedField);
    }
    let (mut lengths, mut codings) = (
        fields.known(Known::ContentLength),
        fields.known(Known::TransferEncoding),
    );
    let (length, coding) = (lengths.next(), codings.next());
    if lengths.next().is_some() {
        return Err(Refusal::ContentLength);
    }
    if codings.next().is_some() {
        return Err(Refusal::TransferEncoding);
    }
    match (length, coding) {
        (Some(_), Some(_)) => Err(Refusal::TwoLengths),
        (None, None) => Ok(None),
        (None, Some(_)) if version == Version::Http10 => Err(Refusal::TransferEncoding),
        (None, Some(coding)) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Some(BodyLength::Chunked)),
        (None, Some(_)) => Err(Refusal::UnknownCoding),
        (Some(length), None) => match decimal(length).ok_or(Refusal::ContentLength)? {
            0 => Ok(Some(BodyLength::Empty)),
            length => Ok(Some(BodyLength::Known(length))),
        },
    }
}

/// Digits and nothing else: no sign, no list, no white space.
fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The `Host` field: exactly one in HTTP/1.1, a host, and the same one as the target's where that names one.
fn check_host(head: &RequestHead) -> Result<(), Refusal> {
    let mut hosts = head.fields().known(Known::Host);
    let host = match (hosts.next(), hosts.next()) {
        (_, Some(_)) => return Err(Refusal::RepeatedHost),
        (Some(host), None) => host,
        (None, None) if head.version() == Version::Http10 => return Ok(()),
        (None, None) => return Err(Refusal::NoHost),
    };
    let same = head.authority().is_none_or(|authority| {
        without_default_port(authority.as_bytes()).eq_ignore_ascii_case(without_default_port(host))
    });
    if is_host(host) && same {
        Ok(())
    } else {
        Err(Refusal::Host)
    }
}

fn without_default_port(host: &[u8]) -> &[u8] {
    host.strip_suffix(b":80")
        .or_else(|| host.strip_suffix(b":443"))
        .unwrap_or(host)
}

/// An old client's wish is not granted (RFC 9110 §10.1.1), but one that nobody knows is refused whoever has it: it
/// would be passed on in a request of HTTP/1.1.
fn expects_continue(fields: &Fields, version: Version) -> Result<bool, Refusal> {
    let mut expects = false;
    for value in fields.known(Known::Expect) {
        if !value.eq_ignore_ascii_case(b"100-continue") {
            return Err(Refusal::Expectation);
        }
        expects = version == Version::Http11;
    }
    Ok(expects)
}

#[derive(Default)]
struct Connection {
    close: bool,
    keep_alive: bool,
    upgrade: bool,
}

impl Connection {
    fn of(fields: &Fields) -> Self {
        let mut connection = Self::default();
        for option in fields.members(Known::Connection) {
            connection.close |= option.eq_ignore_ascii_case(b"close");
            connection.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            connection.upgrade |= option.eq_ignore_ascii_case(b"upgrade");
        }
        connection
    }

    fn keeps_alive(&self, version: Version) -> bool {
        !self.close && (version == Version::Http11 || self.keep_alive)
    }
}
