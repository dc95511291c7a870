//! What a routes file says of the gateway as a whole; what it leaves out is the reader's own default.

use std::time::Duration;

use crate::pattern::JavaRegex;
use crate::problem::Place;

/// A value that the file gives, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given<T> {
    /// The value.
    pub value: T,
    /// Where it stands; line 0 when it comes from the environment.
    pub place: Place,
}

/// The gateway's settings beside its routes. `None`: the file does not say.
#[derive(Debug, Clone, Default)]
pub struct Globals {
    /// `httpclient.connect-timeout`, above zero.
    pub connect_timeout: Option<Given<Duration>>,
    /// `httpclient.response-timeout`, above zero: how long an upstream's response may take to begin, then 504.
    pub response_timeout: Option<Given<Duration>>,
    /// `trusted-proxies`: must match the whole address of a peer whose `Forwarded` and `X-Forwarded-*` are kept
    /// and continued. Not given: these headers are removed and none are added.
    pub trusted_proxies: Option<Given<JavaRegex>>,
    /// `forwarded.enabled`; Spring's default is true.
    pub forwarded_enabled: Option<Given<bool>>,
    /// `x-forwarded.*`.
    pub x_forwarded: XForwarded,
    /// `loadbalancer.use404`: no instance is 404 and not 503.
    pub use_404: Option<Given<bool>>,
    /// `fail-on-route-definition-error`: false leaves out a route that cannot be compiled. Spring's default is true.
    pub fail_on_route_definition_error: Option<Given<bool>>,
}

/// `x-forwarded.*`; Spring's default of each is true.
#[derive(Debug, Clone, Default)]
pub struct XForwarded {
    /// `enabled`: whether any of them is written.
    pub enabled: Option<Given<bool>>,
    /// `for-enabled` and `for-append`.
    pub for_: ForwardedHeader,
    /// `host-enabled` and `host-append`.
    pub host: ForwardedHeader,
    /// `port-enabled` and `port-append`.
    pub port: ForwardedHeader,
    /// `proto-enabled` and `proto-append`.
    pub proto: ForwardedHeader,
    /// `prefix-enabled` and `prefix-append`.
    pub prefix: ForwardedHeader,
}

/// One `X-Forwarded-*` header.
#[derive(Debug, Clone, Default)]
pub struct ForwardedHeader {
    /// Whether it is written.
    pub enabled: Option<Given<bool>>,
    /// Whether what came in is kept and continued; false replaces it.
    pub append: Option<Given<bool>>,
}
