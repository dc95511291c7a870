//! Why Koinon treats a request unlike another proxy: every difference belongs to one of these classes, and each is
//! explained under its name in `docs/security/http.md`.

use koinon_core_http1::laws::message::{Kind, Message, Stop};
use koinon_core_http1::laws::{ours, reference};
use koinon_core_http1::{Limits, Refusal};

use crate::compare::Difference;
use crate::generate::Sent;
use crate::observe::Seen;

/// Every class.
pub const CLASSES: [&str; 22] = [
    "bare-line-end",
    "request-line",
    "malformed-field",
    "disguised-field",
    "host",
    "two-lengths",
    "unknown-coding",
    "chunk",
    "trailer-field",
    "expectation",
    "size",
    "waits-for-the-rest",
    "no-path",
    "no-tunnel",
    "origin-form",
    "stricter-methods",
    "stricter-paths",
    "stricter-fields",
    "dropped-names",
    "hop-by-hop",
    "forwarded",
    "passed-on",
];

const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "upgrade",
    "proxy-connection",
    "proxy-authorization",
    "proxy-authenticate",
];

/// The class of a difference from `other`; `None` if nobody has explained it.
#[must_use]
pub fn classify(
    sent: &Sent,
    ours: &Seen,
    theirs: &Seen,
    other: &str,
    difference: &Difference,
) -> Option<&'static str> {
    let requests = reference::read(Kind::Request, &sent.bytes);
    match difference {
        Difference::Refused | Difference::Statuses(..) => refused(sent, &requests, ours)
            .or_else(|| unlike_answers(sent, &requests, ours, theirs))
            .or_else(|| stricter(sent, other)),
        Difference::OtherRefused => stricter(sent, other),
        Difference::Target(ours, theirs) => {
            let is_absolute = theirs.to_ascii_lowercase().starts_with("http://");
            (is_absolute && ours.starts_with('/')).then_some("origin-form")
        }
        Difference::Trailer(..) => Some("passed-on"),
        Difference::Added(name, _) => added(sent, name, other),
        Difference::Missing(name, _) => missing(sent, name),
        Difference::Method(..) | Difference::Content(..) => None,
    }
}

/// Koinon refused what the RFCs forbid, and what came before was passed on.
fn refused(sent: &Sent, requests: &(Vec<Message>, Stop), ours: &Seen) -> Option<&'static str> {
    let refusal = ours::refusal(&sent.bytes)?;
    let told = ours.statuses.last() == Some(&refusal.status()) && ours.closed;
    let before = ours.arrived.len() == requests.0.len();
    if !told || !before {
        return None;
    }
    Some(match refusal {
        Refusal::BareLineEnd => "bare-line-end",
        Refusal::RequestLine | Refusal::StatusLine | Refusal::Target | Refusal::Version => "request-line",
        Refusal::Field => "malformed-field",
        Refusal::DisguisedField => "disguised-field",
        Refusal::NoHost | Refusal::RepeatedHost | Refusal::Host => "host",
        Refusal::ContentLength | Refusal::TwoLengths | Refusal::TransferEncoding => "two-lengths",
        Refusal::UnknownCoding => "unknown-coding",
        Refusal::Chunk => "chunk",
        Refusal::Trailer => "trailer-field",
        Refusal::Expectation => "expectation",
        Refusal::TargetTooLong | Refusal::HeadTooLong | Refusal::TooManyFields => "size",
    })
}

/// Nothing is malformed, and the answers are not the same.
fn unlike_answers(
    sent: &Sent,
    requests: &(Vec<Message>, Stop),
    ours: &Seen,
    theirs: &Seen,
) -> Option<&'static str> {
    let asks = |method: &[u8]| requests.0.iter().any(|request| request.what.0 == method);
    if asks(b"CONNECT") && ours.statuses == [501] {
        return Some("no-tunnel");
    }
    let has_no_path =
        |request: &Message| !request.what.1.starts_with(b"/") || has_bad_percent(&request.what.1);
    if ours.statuses == [404] && requests.0.iter().any(has_no_path) {
        return Some("no-path");
    }
    let read = ours::read(Kind::Request, &sent.bytes, usize::MAX, &Limits::default());
    let waits = read.1 == Stop::Incomplete;
    (waits && theirs.statuses.starts_with(&ours.statuses)).then_some("waits-for-the-rest")
}

/// The other refuses what is allowed.
fn stricter(sent: &Sent, other: &str) -> Option<&'static str> {
    if other != "nginx" {
        return None;
    }
    let text: String = sent.bytes.iter().map(|byte| char::from(*byte)).collect();
    let line = text
        .trim_start_matches(['\r', '\n'])
        .lines()
        .next()
        .unwrap_or_default();
    let (method, rest) = line.split_once(' ')?;
    let target = rest.split(' ').next().unwrap_or_default();
    if method == "TRACE"
        || !method
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'_' || byte == b'-')
    {
        return Some("stricter-methods");
    }
    if climbs(target) || target.contains("%00") || has_bad_percent(target.as_bytes()) {
        return Some("stricter-paths");
    }
    let coding = text.to_ascii_lowercase();
    let (_, coding) = coding.split_once("transfer-encoding:")?;
    let coding = coding.lines().next().unwrap_or_default();
    coding.contains('\t').then_some("stricter-fields")
}

/// Whether dots lead above the root.
fn climbs(target: &str) -> bool {
    let mut depth = 0_i32;
    let path = target.split('?').next().unwrap_or_default().to_ascii_lowercase();
    path.replace("%2e", ".").split('/').skip(1).any(|part| {
        depth += match part {
            ".." => -1,
            "" | "." => 0,
            _ => 1,
        };
        depth < 0
    })
}

fn has_bad_percent(target: &[u8]) -> bool {
    let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
    let mut parts = path.split(|byte| *byte == b'%').skip(1);
    parts.any(|rest| !matches!(rest, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit()))
}

/// A field that only Koinon passes on.
fn added(sent: &Sent, name: &str, other: &str) -> Option<&'static str> {
    let is_plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let upgrades = contains(sent, "upgrade:") && matches!(name, "connection" | "upgrade");
    match name {
        _ if other == "nginx" && !is_plain => Some("dropped-names"),
        "expect" => Some("passed-on"),
        _ if upgrades => Some("passed-on"),
        _ => None,
    }
}

/// A field that only the other passes on.
fn missing(sent: &Sent, name: &str) -> Option<&'static str> {
    let is_named = contains(sent, &format!("connection: {name}"));
    if HOP_BY_HOP.contains(&name) || is_named {
        return Some("hop-by-hop");
    }
    (name == "forwarded" || name.starts_with("x-forwarded-")).then_some("forwarded")
}

fn contains(sent: &Sent, part: &str) -> bool {
    let text = String::from_utf8_lossy(&sent.bytes).to_ascii_lowercase();
    text.contains(part)
}
