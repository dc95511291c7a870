//! Keeps web pages away from a loopback listener that asks for no credentials.
//!
//! A page from anywhere can make the reader's browser send requests to `localhost`, and by DNS rebinding can even
//! read the answers. Both kinds of request give themselves away: the first carries the page's `Origin`, the second
//! the page's own name in `Host`. So every host that a request names must be this machine's loopback, or listed in
//! `listen.allowed_hosts`.
//!
//! Invariant: a text that is not exactly one well-formed host is refused, never repaired.
//! Invariant: with an absolute-form target (`GET http://host/path`) both its authority and `Host` are checked,
//! because code behind the guard may look at either.

use std::fmt;
use std::future::Future;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::{HOST, HeaderValue, ORIGIN};
use http::{Request, Response, Version, request};
use hyper::service::Service;
use koinon_base::ErrorKind;
use koinon_core_http1::{Known, RequestHead};
use thiserror::Error;

/// Which hosts a request may name.
#[derive(Debug, Clone, Default)]
pub struct HostGuard {
    checked: bool,
    allowed: Arc<[Named]>,
}

/// A request that names a host it may not name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HostRefused {
    /// The named host is neither loopback nor allowed.
    #[error(
        "this listener serves only this machine, but {part} names {found:?}; add the host to listen.allowed_hosts if that is right"
    )]
    Foreign {
        /// The part of the request that names it.
        part: Part,
        /// What it says (cut to 100 characters).
        found: String,
    },
    /// HTTP/1.1 requires `Host`.
    #[error("the request has no Host header; every HTTP/1.1 request must have one")]
    NoHost,
    /// A header that must be single is not.
    #[error("{part} is given more than once; send it once")]
    Repeated {
        /// The repeated header.
        part: Part,
    },
}

impl HostRefused {
    /// What the caller must do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Foreign { .. } | Self::NoHost | Self::Repeated { .. } => ErrorKind::PermissionDenied,
        }
    }
}

/// The part of a request that names a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The authority of an absolute-form request target.
    Target,
    /// The `Host` header.
    Host,
    /// The `Origin` header.
    Origin,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Target => "the request target",
            Self::Host => "the Host header",
            Self::Origin => "the Origin header",
        })
    }
}

/// An entry of `listen.allowed_hosts` that is not a host.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "listen.allowed_hosts has {0:?}, which is not a host; write a name or an address, with or without a port"
)]
pub struct BadAllowedHost(pub String);

impl HostGuard {
    /// A guard that lets every host pass: for listeners that ask for credentials or are not on loopback.
    #[must_use]
    pub fn off() -> Self {
        Self::default()
    }

    /// A guard that lets loopback hosts pass, and `allowed` ones: names or addresses, with a port (then only that
    /// one) or without (then any).
    ///
    /// # Errors
    /// All entries that are not hosts.
    pub fn loopback_and<T: AsRef<str>>(allowed: &[T]) -> Result<Self, Vec<BadAllowedHost>> {
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for text in allowed {
            match Named::parse(text.as_ref()) {
                Some(named) => good.push(named),
                None => bad.push(BadAllowedHost(text.as_ref().to_owned())),
            }
        }
        if bad.is_empty() {
            Ok(Self {
                checked: true,
                allowed: good.into(),
            })
        } else {
            Err(bad)
        }
    }

    /// Checks everything in a request's head that names a host.
    ///
    /// # Errors
    /// The first thing that may not pass.
    pub fn check(&self, head: &request::Parts) -> Result<(), HostRefused> {
        let values = |name| head.headers.get_all(name).iter().map(HeaderValue::as_bytes);
        self.check_named(Naming {
            target: head.uri.authority().map(|authority| authority.as_str()),
            hosts: values(HOST),
            origins: values(ORIGIN),
            may_lack_host: head.version <= Version::HTTP_10,
        })
    }

    /// The same for a head of our own codec.
    ///
    /// # Errors
    /// The first thing that may not pass.
    pub fn check_head(&self, head: &RequestHead) -> Result<(), HostRefused> {
        self.check_named(Naming {
            target: head.authority(),
            hosts: head.fields().known(Known::Host),
            origins: head.fields().get_all("origin"),
            may_lack_host: head.version() == koinon_core_http1::Version::Http10,
        })
    }

    fn check_named<'a>(
        &self,
        mut naming: Naming<'a, impl Iterator<Item = &'a [u8]>, impl Iterator<Item = &'a [u8]>>,
    ) -> Result<(), HostRefused> {
        if !self.checked {
            return Ok(());
        }
        if let Some(target) = naming.target {
            self.check_host(Part::Target, target)?;
        }
        match single(&mut naming.hosts, Part::Host)? {
            Some(host) => self.check_host(Part::Host, text_of(Part::Host, host)?)?,
            // Older clients need not send one, and no browser is that old.
            None if naming.may_lack_host || naming.target.is_some() => {}
            None => return Err(HostRefused::NoHost),
        }
        match single(&mut naming.origins, Part::Origin)? {
            Some(origin) => self.check_origin(text_of(Part::Origin, origin)?),
            None => Ok(()),
        }
    }

    /// An origin is `scheme://host[:port]`; `null`, which sandboxed pages and local files send, is nobody.
    fn check_origin(&self, origin: &str) -> Result<(), HostRefused> {
        let host = origin
            .strip_prefix("http://")
            .or_else(|| origin.strip_prefix("https://"));
        self.check_host(Part::Origin, host.unwrap_or_default())
            .map_err(|_| foreign(Part::Origin, origin))
    }

    fn check_host(&self, part: Part, text: &str) -> Result<(), HostRefused> {
        let named = Named::parse(text).ok_or_else(|| foreign(part, text))?;
        if named.host.is_loopback() || self.allowed.iter().any(|entry| entry.covers(&named)) {
            return Ok(());
        }
        Err(foreign(part, text))
    }
}

fn foreign(part: Part, found: &str) -> HostRefused {
    HostRefused::Foreign {
        part,
        found: found.chars().take(100).collect(),
    }
}

/// Everything in a head that names a host.
struct Naming<'a, H, O> {
    target: Option<&'a str>,
    hosts: H,
    origins: O,
    may_lack_host: bool,
}

fn single<'a>(
    values: &mut impl Iterator<Item = &'a [u8]>,
    part: Part,
) -> Result<Option<&'a [u8]>, HostRefused> {
    match (values.next(), values.next()) {
        (first, None) => Ok(first),
        (_, Some(_)) => Err(HostRefused::Repeated { part }),
    }
}

/// Visible ASCII and spaces, which is all that a host or an origin is made of.
fn text_of(part: Part, value: &[u8]) -> Result<&str, HostRefused> {
    std::str::from_utf8(value)
        .ok()
        .filter(|text| text.is_ascii())
        .ok_or_else(|| foreign(part, &String::from_utf8_lossy(value)))
}

/// `host[:port]`, parsed strictly.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    host: Host,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    V4(Ipv4Addr),
    V6(Ipv6Addr),
    /// Lower case, without the root's trailing dot.
    Name(String),
}

impl Named {
    fn parse(text: &str) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (inside, after) = rest.split_once(']')?;
                (Host::V6(inside.parse().ok()?), after)
            }
            None => {
                let (host, port) = text.split_at(text.find(':').unwrap_or(text.len()));
                (Host::parse_v4_or_name(host)?, port)
            }
        };
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => None,
            None => return None,
            Some("") => None,
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => Some(digits.parse().ok()?),
            Some(_) => return None,
        };
        Some(Self { host, port })
    }

    fn covers(&self, other: &Self) -> bool {
        self.host == other.host && (self.port.is_none() || self.port == other.port)
    }
}

impl Host {
    fn parse_v4_or_name(text: &str) -> Option<Self> {
        if let Ok(v4) = text.parse() {
            return Some(Self::V4(v4));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        let label_ok = |label: &str| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        };
        // A last label of digits is an address in a short or odd spelling (`127.1`, `2130706433`): not a name.
        let numeric_end = name
            .rsplit('.')
            .next()
            .is_some_and(|l| l.bytes().all(|b| b.is_ascii_digit()));
        if name.len() > 253 || numeric_end || !name.split('.').all(label_ok) {
            return None;
        }
        Some(Self::Name(name.to_ascii_lowercase()))
    }

    fn is_loopback(&self) -> bool {
        match self {
            Self::V4(v4) => v4.is_loopback(),
            Self::V6(v6) => v6.to_canonical().is_loopback(),
            // Everything below `localhost` is loopback too (RFC 6761 §6.3); no DNS answer can change that.
            Self::Name(name) => name == "localhost" || name.ends_with(".localhost"),
        }
    }
}

/// Puts `guard` in front of `service`; `refuse` writes the door's own form of the refusal (status 403).
pub fn guarded<S, R, Out>(guard: HostGuard, service: S, refuse: R) -> Guarded<S, R>
where
    R: Fn(&HostRefused, &request::Parts) -> Response<Out>,
{
    Guarded {
        guard,
        service,
        refuse,
    }
}

/// The service that [`guarded`] makes.
#[derive(Debug, Clone)]
pub struct Guarded<S, R> {
    guard: HostGuard,
    service: S,
    refuse: R,
}

impl<S, R, In, Out> Service<Request<In>> for Guarded<S, R>
where
    S: Service<Request<In>, Response = Response<Out>>,
    R: Fn(&HostRefused, &request::Parts) -> Response<Out>,
{
    type Response = Response<Out>;
    type Error = S::Error;
    type Future = GuardedFuture<S::Future, Out>;

    fn call(&self, request: Request<In>) -> Self::Future {
        let (head, body) = request.into_parts();
        match self.guard.check(&head) {
            Ok(()) => GuardedFuture {
                passed: Some(self.service.call(Request::from_parts(head, body))),
                refused: None,
            },
            Err(refused) => GuardedFuture {
                passed: None,
                refused: Some((self.refuse)(&refused, &head)),
            },
        }
    }
}

pin_project_lite::pin_project! {
    /// The answer of the service behind the guard, or the refusal.
    #[derive(Debug)]
    pub struct GuardedFuture<F, Out> {
        #[pin]
        passed: Option<F>,
        refused: Option<Response<Out>>,
    }
}

impl<F, Out, E> Future for GuardedFuture<F, Out>
where
    F: Future<Output = Result<Response<Out>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Some(answer) = this.refused.take() {
            return Poll::Ready(Ok(answer));
        }
        match this.passed.as_pin_mut() {
            Some(inner) => inner.poll(cx),
            // Polled again after its end, which no executor does.
            None => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests;
