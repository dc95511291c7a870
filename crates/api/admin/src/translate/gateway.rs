//! A request that is only thought of, and what would become of it.

use koinon_core_route as core;
use koinon_core_route::OwnedRequest;

use crate::wire::{Header, Outcome, Problem, Refused, Taken, Tried, TryRequest};

/// The request asked about.
///
/// # Errors
/// Everything in it that no client could send.
pub fn owned_request(asked: &TryRequest) -> Result<OwnedRequest, Vec<Problem>> {
    let mut problems = Vec::new();
    let token = |text: &str| !text.is_empty() && text.bytes().all(is_token);
    if !token(&asked.method) {
        problems.push(Problem::new("method", "is not a method such as GET"));
    }
    let url = &asked.url;
    let sendable = url.bytes().all(|byte| byte.is_ascii_graphic());
    let shaped = url.starts_with('/') || url.starts_with("http://") || url.starts_with("https://");
    if !sendable || !shaped {
        let what = "must be http://host/path or /path, everything but visible ASCII percent-encoded";
        problems.push(Problem::new("url", what));
    }
    for (at, header) in asked.headers.iter().enumerate() {
        let value = header
            .value
            .bytes()
            .all(|byte| byte == b'\t' || !byte.is_ascii_control());
        if !token(&header.name) || !value {
            problems.push(Problem::new(format!("headers[{at}]"), "is not a header"));
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let request = OwnedRequest::new(&asked.method, url);
    let headers = asked.headers.iter();
    Ok(headers.fold(request, |request, Header { name, value }| {
        request.header(name, value.trim())
    }))
}

/// `tchar` of RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// An explanation as it is shown.
#[must_use]
pub fn tried(from: core::Explanation) -> Tried {
    Tried {
        taken: from.taken.map(taken),
        refused: from.refused.into_iter().map(refused).collect(),
        refused_more: from.more,
    }
}

fn taken(from: core::Taken) -> Taken {
    let core::RouteDescription {
        id,
        uri,
        predicates,
        filters,
        ..
    } = from.route;
    Taken {
        route: id,
        uri,
        predicates,
        filters,
        variables: from.variables.into_iter().collect(),
        outcome: match from.outcome {
            core::Outcome::Forwarded {
                url,
                headers: left,
                host_preserved,
            } => Outcome::Forwarded {
                url,
                headers: headers(left),
                host_preserved,
            },
            core::Outcome::Answered(answer) => Outcome::Answered {
                status: answer.status,
                headers: headers(answer.headers),
            },
        },
    }
}

fn headers(from: Vec<(String, String)>) -> Vec<Header> {
    let headers = from.into_iter();
    headers.map(|(name, value)| Header { name, value }).collect()
}

fn refused(from: core::Refused) -> Refused {
    Refused {
        route: from.route,
        predicate: from.predicate,
        why: from.why,
        held: from.held,
    }
}
