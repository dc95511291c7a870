//! Why a request was not answered by its upstream.
//!
//! A client is told a status and a short reason, never an address; the operator finds the same reason in the log and in
//! the metrics.

use koinon_core_http1::{Refusal, RequestHead};

/// Why a request was not answered by its upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The request is malformed.
    Refused(Refusal),
    /// Its head did not come in time.
    HeadTimeout,
    /// Its body stopped coming.
    BodyTimeout,
    /// Its body comes more slowly than is allowed.
    BodyTooSlow,
    /// The client takes the response more slowly than is allowed, or not at all.
    ReaderTooSlow,
    /// No route matches.
    NoRoute,
    /// A filter made what cannot be sent.
    BadRewrite,
    /// The upstream has no instance.
    NoInstance,
    /// The same, where the routes file wants it to look as if there were no such service.
    NoService,
    /// No instance could be connected to.
    ConnectFailed,
    /// Connecting took too long.
    ConnectTimeout,
    /// The connection ended before a response came.
    UpstreamClosed,
    /// The response is malformed.
    UpstreamMalformed,
    /// The response did not come in time.
    ResponseTimeout,
    /// The exchange as a whole took too long.
    TotalTimeout,
    /// The gateway has no room for another connection.
    Overloaded,
    /// CONNECT and the like.
    NotSupported,
}

impl Fault {
    pub(crate) const ALL: [Self; 17] = [
        Self::Refused(Refusal::RequestLine),
        Self::HeadTimeout,
        Self::BodyTimeout,
        Self::BodyTooSlow,
        Self::ReaderTooSlow,
        Self::NoRoute,
        Self::BadRewrite,
        Self::NoInstance,
        Self::NoService,
        Self::ConnectFailed,
        Self::ConnectTimeout,
        Self::UpstreamClosed,
        Self::UpstreamMalformed,
        Self::ResponseTimeout,
        Self::TotalTimeout,
        Self::Overloaded,
        Self::NotSupported,
    ];

    /// Its place in [`Self::ALL`].
    pub(crate) fn index(self) -> usize {
        let code = self.code();
        Self::ALL
            .iter()
            .position(|fault| fault.code() == code)
            .unwrap_or(0)
    }

    pub(crate) fn status(self) -> u16 {
        match self {
            Self::Refused(refusal) => refusal.status(),
            Self::HeadTimeout | Self::BodyTimeout | Self::BodyTooSlow | Self::ReaderTooSlow => 408,
            Self::NoRoute | Self::NoService => 404,
            Self::NoInstance | Self::Overloaded => 503,
            Self::BadRewrite => 400,
            Self::ConnectFailed | Self::UpstreamClosed | Self::UpstreamMalformed => 502,
            Self::ConnectTimeout | Self::ResponseTimeout | Self::TotalTimeout => 504,
            Self::NotSupported => 501,
        }
    }

    /// The reason as a label, for clients, the log and the metrics.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Refused(_) => "bad_request",
            Self::HeadTimeout => "head_timeout",
            Self::BodyTimeout => "body_timeout",
            Self::BodyTooSlow => "body_too_slow",
            Self::ReaderTooSlow => "reader_too_slow",
            Self::NoRoute => "no_route",
            Self::BadRewrite => "bad_rewrite",
            Self::NoInstance => "no_instance",
            Self::NoService => "no_service",
            Self::ConnectFailed => "connect_failed",
            Self::ConnectTimeout => "connect_timeout",
            Self::UpstreamClosed => "upstream_closed",
            Self::UpstreamMalformed => "upstream_malformed",
            Self::ResponseTimeout => "response_timeout",
            Self::TotalTimeout => "total_timeout",
            Self::Overloaded => "overloaded",
            Self::NotSupported => "not_supported",
        }
    }

    fn message(self) -> String {
        match self {
            Self::Refused(refusal) => refusal.to_string(),
            Self::HeadTimeout => "the request's head did not arrive in time".into(),
            Self::BodyTimeout => "the request's body stopped arriving".into(),
            Self::BodyTooSlow => "the request's body arrives too slowly".into(),
            Self::ReaderTooSlow => "the response is read too slowly".into(),
            Self::NoRoute => "no route matches this request".into(),
            Self::BadRewrite => "the route's filters make no valid request of this one".into(),
            Self::NoInstance | Self::NoService => "no instance of the service is available".into(),
            Self::ConnectFailed => "no instance of the service could be connected to".into(),
            Self::ConnectTimeout => "connecting to the service took too long".into(),
            Self::UpstreamClosed => "the service closed the connection before it answered".into(),
            Self::UpstreamMalformed => "the service's answer is not valid HTTP".into(),
            Self::ResponseTimeout => "the service did not answer in time".into(),
            Self::TotalTimeout => "the exchange took too long".into(),
            Self::Overloaded => "the gateway has no room for another connection".into(),
            Self::NotSupported => "the gateway does not do this".into(),
        }
    }

    /// The body of the answer.
    pub(crate) fn body(self, request_id: &str) -> Vec<u8> {
        let body = serde_json::json!({
            "status": self.status(),
            "code": self.code(),
            "message": self.message(),
            "request_id": request_id,
        });
        let mut text = body.to_string().into_bytes();
        text.push(b'\n');
        text
    }
}

/// The id that the client gave its request, if it can stand in a header and a log line.
pub(crate) fn given_request_id(head: &RequestHead) -> Option<&str> {
    const LEN_MAX: usize = 64;
    let id = head.fields().text("x-request-id")?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    (!id.is_empty() && id.len() <= LEN_MAX && id.bytes().all(fits)).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Metrics count faults by their place; two faults in one place would be counted as one.
    #[test]
    fn every_fault_has_its_own_place() {
        for (at, fault) in Fault::ALL.into_iter().enumerate() {
            assert_eq!(fault.index(), at, "{fault:?}");
            assert!(fault.status() >= 400);
        }
    }

    /// What a client is told is JSON with the id to ask the operator about.
    #[test]
    fn the_body_is_json() {
        let body = Fault::NoInstance.body("abc");
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            (&body["status"], &body["code"], &body["request_id"]),
            (&503.into(), &"no_instance".into(), &"abc".into())
        );
    }
}
