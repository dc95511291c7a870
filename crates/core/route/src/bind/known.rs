//! Every setting of Spring's gateway, and what becomes of it here.
//!
//! What would change traffic and is not supported is an error, so that nobody finds out from traffic; what is only
//! about Spring's own inside is a note. Names and defaults: the list of configuration properties that Spring Cloud
//! Gateway publishes, versions 4.2 and 5.0.

/// What becomes of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is read.
    Read,
    /// It would change traffic: only the value that changes nothing is accepted.
    Only(&'static str),
    /// It would change traffic.
    NotYet,
    /// It changes no traffic; why it is not read.
    Note(&'static str),
}

use Fate::{NotYet, Note, Only, Read};

/// It says how Spring does its work.
const INSIDE: Fate = Note("has no meaning here and is not read");
const NO_TLS: Fate = Note("is not read, TLS towards upstreams is not supported yet");
const NO_RATE_LIMITER: Fate = Note("is not read, the filter RequestRateLimiter is not supported yet");
const NO_SECURE_HEADERS: Fate = Note("is not read, the filter SecureHeaders is not supported yet");
const NO_CACHE: Fate = Note("is not read, the filter LocalResponseCache is not supported yet");
const NO_REPOSITORY: Fate = Note("is not read, routes come from this file");
const ALL_USABLE: Fate = Note("is not read, every predicate and filter can be used");

/// Settings by their path below the prefix, `*` for any one element; the first that fits holds, for everything
/// below it too.
pub(super) const SETTINGS: &[(&str, Fate)] = &[
    ("routes", Read),
    ("default-filters", Read),
    ("discovery.locator.enabled", Read),
    ("discovery.locator.lower-case-service-id", Read),
    ("discovery.locator.route-id-prefix", Read),
    ("discovery.locator.include-expression", Read),
    ("discovery.locator.url-expression", Read),
    ("discovery.locator.predicates", Read),
    ("discovery.locator.filters", Read),
    ("httpclient.connect-timeout", Read),
    ("httpclient.response-timeout", Read),
    ("trusted-proxies", Read),
    ("forwarded.enabled", Read),
    ("x-forwarded.enabled", Read),
    ("x-forwarded.for-enabled", Read),
    ("x-forwarded.for-append", Read),
    ("x-forwarded.host-enabled", Read),
    ("x-forwarded.host-append", Read),
    ("x-forwarded.port-enabled", Read),
    ("x-forwarded.port-append", Read),
    ("x-forwarded.proto-enabled", Read),
    ("x-forwarded.proto-append", Read),
    ("x-forwarded.prefix-enabled", Read),
    ("x-forwarded.prefix-append", Read),
    ("loadbalancer.use404", Read),
    ("fail-on-route-definition-error", Read),
    ("enabled", Only("true")),
    ("forwarded.by.enabled", Only("false")),
    ("x-forwarded.order", INSIDE),
    ("globalcors.add-to-simple-url-handler-mapping", INSIDE),
    ("globalcors.cors-configurations", NotYet),
    ("httpclient.compression", Only("false")),
    ("httpclient.max-header-size", INSIDE),
    ("httpclient.max-initial-line-length", INSIDE),
    ("httpclient.pool", INSIDE),
    ("httpclient.proxy", NotYet),
    ("httpclient.ssl", NO_TLS),
    ("httpclient.websocket", INSIDE),
    ("httpclient.wiretap", INSIDE),
    ("httpserver", INSIDE),
    ("handler-mapping", INSIDE),
    ("metrics", INSIDE),
    ("observability", INSIDE),
    ("actuator", INSIDE),
    ("proxy", INSIDE),
    ("proxy-exchange", INSIDE),
    ("redis-rate-limiter", NO_RATE_LIMITER),
    ("redis-route-definition-repository", NO_REPOSITORY),
    ("restrictive-property-accessor", INSIDE),
    ("route-filter-cache-enabled", INSIDE),
    ("route-refresh-listener", INSIDE),
    ("set-status.original-status-header-name", NotYet),
    ("streaming-media-types", INSIDE),
    ("version", NotYet),
    ("predicate.host.include-port", Only("true")),
    ("predicate.*.enabled", ALL_USABLE),
    ("filter.remove-hop-by-hop.headers", NotYet),
    ("filter.remove-hop-by-hop.order", INSIDE),
    ("filter.local-response-cache.enabled", Only("false")),
    ("filter.local-response-cache", NO_CACHE),
    ("filter.request-rate-limiter", NO_RATE_LIMITER),
    ("filter.secure-headers", NO_SECURE_HEADERS),
    ("filter.*.enabled", ALL_USABLE),
    ("global-filter.local-response-cache.enabled", NO_CACHE),
    ("global-filter.*.enabled", Only("true")),
];

/// The same for what only the servlet gateway has.
pub(super) const SERVLET_SETTINGS: &[(&str, Fate)] = &[
    ("routes", Read),
    ("routes-map", NotYet),
    ("trusted-proxies", Read),
    ("forwarded-by-enabled", Only("false")),
    ("forwarded-request-headers-filter.enabled", Read),
    ("form-filter", INSIDE),
    ("http-client", NotYet),
    ("remove-content-length-request-headers-filter", INSIDE),
    ("remove-hop-by-hop-request-headers-filter.enabled", Only("true")),
    ("remove-hop-by-hop-response-headers-filter.enabled", Only("true")),
    ("remove-http2-status-response-headers-filter", INSIDE),
    ("streaming-buffer-size", INSIDE),
    ("streaming-media-types", INSIDE),
    ("transfer-encoding-normalization-request-headers-filter", INSIDE),
    ("use-framework-retry-filter", INSIDE),
    ("weight-calculator-filter", INSIDE),
    ("x-forwarded-request-headers-filter.enabled", Read),
    ("x-forwarded-request-headers-filter.for-enabled", Read),
    ("x-forwarded-request-headers-filter.for-append", Read),
    ("x-forwarded-request-headers-filter.host-enabled", Read),
    ("x-forwarded-request-headers-filter.host-append", Read),
    ("x-forwarded-request-headers-filter.port-enabled", Read),
    ("x-forwarded-request-headers-filter.port-append", Read),
    ("x-forwarded-request-headers-filter.proto-enabled", Read),
    ("x-forwarded-request-headers-filter.proto-append", Read),
    ("x-forwarded-request-headers-filter.prefix-enabled", Read),
    ("x-forwarded-request-headers-filter.prefix-append", Read),
    ("x-forwarded-request-headers-filter.order", INSIDE),
];
