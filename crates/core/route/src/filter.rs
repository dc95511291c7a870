//! Filters: what a route does to a request on its way up and to the answer on its way down.
//!
//! A file each, and [`KINDS`] is the table of them: a new filter is its file, its `mod` line and its row. What
//! filters write goes through [`crate::escape`].

mod add_request_header;
mod add_response_header;
mod prefix_path;
mod preserve_host_header;
mod redirect_to;
mod remove_request_header;
mod rewrite_path;
mod set_path;
mod set_status;
mod strip_prefix;

use crate::exchange::Exchange;
use crate::kind::Kind;
use crate::view::{Flow, RequestEdit, ResponseEdit};

/// A filter of a route; also what a user of the library writes for an own one.
///
/// One filter serves all requests of all threads, so what it remembers of one request goes into the
/// [`Exchange`]. Nothing here may wait.
pub trait Filter: Send + Sync {
    /// Sees the request on its way up.
    fn before(&self, request: &mut dyn RequestEdit, exchange: &mut Exchange) -> Flow {
        let _ = (request, exchange);
        Flow::Continue
    }

    /// Sees the answer on its way down, before its head is written.
    fn after(&self, response: &mut dyn ResponseEdit, exchange: &Exchange) {
        let _ = (response, exchange);
    }

    /// Whether [`Filter::after`] does anything. A route whose filters all say `false` does not ask them.
    fn has_after(&self) -> bool {
        true
    }
}

/// What a filter becomes that cannot have an effect.
struct Nothing;

impl Filter for Nothing {
    fn has_after(&self) -> bool {
        false
    }
}

/// The filters that a route file can name.
pub(crate) const KINDS: &[Kind<dyn Filter>] = &[
    add_request_header::KIND,
    add_response_header::KIND,
    prefix_path::KIND,
    preserve_host_header::KIND,
    redirect_to::KIND,
    remove_request_header::KIND,
    rewrite_path::KIND,
    set_path::KIND,
    set_status::KIND,
    strip_prefix::KIND,
];

/// Spring Cloud Gateway's filters that are not here yet.
pub(crate) const NOT_YET: &[&str] = &[
    "AddRequestHeadersIfNotPresent",
    "AddRequestParameter",
    "CacheRequestBody",
    "CircuitBreaker",
    "DedupeResponseHeader",
    "FallbackHeaders",
    "Hystrix",
    "JsonToGrpc",
    "LocalResponseCache",
    "MapRequestHeader",
    "ModifyRequestBody",
    "ModifyResponseBody",
    "RemoveJsonAttributesResponseBody",
    "RemoveRequestParameter",
    "RemoveResponseHeader",
    "RequestHeaderSize",
    "RequestHeaderToRequestUri",
    "RequestRateLimiter",
    "RequestSize",
    "Retry",
    "RewriteLocationResponseHeader",
    "RewriteRequestParameter",
    "RewriteResponseHeader",
    "SaveSession",
    "SecureHeaders",
    "SetRequestHeader",
    "SetRequestHostHeader",
    "SetRequestUri",
    "SetResponseHeader",
    "TokenRelay",
];
