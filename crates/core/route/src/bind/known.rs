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
    /// It says how Spring does its work, or what a filter does that a route must name first.
    NoMeaning,
}

use Fate::{NoMeaning, NotYet, Only, Read};

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
    ("x-forwarded.order", NoMeaning),
    ("globalcors.add-to-simple-url-handler-mapping", NoMeaning),
    ("globalcors.cors-configurations", NotYet),
    ("httpclient.compression", Only("false")),
    ("httpclient.max-header-size", NoMeaning),
    ("httpclient.max-initial-line-length", NoMeaning),
    ("httpclient.pool", NoMeaning),
    ("httpclient.proxy", NotYet),
    ("httpclient.ssl", NoMeaning),
    ("httpclient.websocket", NoMeaning),
    ("httpclient.wiretap", NoMeaning),
    ("httpserver", NoMeaning),
    ("handler-mapping", NoMeaning),
    ("metrics", NoMeaning),
    ("observability", NoMeaning),
    ("actuator", NoMeaning),
    ("proxy", NoMeaning),
    ("proxy-exchange", NoMeaning),
    ("redis-rate-limiter", NoMeaning),
    ("redis-route-definition-repository", NoMeaning),
    ("restrictive-property-accessor", NoMeaning),
    ("route-filter-cache-enabled", NoMeaning),
    ("route-refresh-listener", NoMeaning),
    ("set-status.original-status-header-name", NotYet),
    ("streaming-media-types", NoMeaning),
    ("version", NotYet),
    ("predicate.host.include-port", Only("true")),
    ("predicate.*.enabled", NoMeaning),
    ("filter.remove-hop-by-hop.headers", NotYet),
    ("filter.remove-hop-by-hop.order", NoMeaning),
    ("filter.local-response-cache.enabled", Only("false")),
    ("filter.local-response-cache", NoMeaning),
    ("filter.request-rate-limiter", NoMeaning),
    ("filter.secure-headers", NoMeaning),
    ("filter.*.enabled", NoMeaning),
    ("global-filter.local-response-cache.enabled", NoMeaning),
    ("global-filter.*.enabled", Only("true")),
];

/// The same for what only the servlet gateway has.
pub(super) const SERVLET_SETTINGS: &[(&str, Fate)] = &[
    ("routes", Read),
    ("routes-map", NotYet),
    ("trusted-proxies", Read),
    ("forwarded-by-enabled", Only("false")),
    ("forwarded-request-headers-filter.enabled", Read),
    ("form-filter", NoMeaning),
    ("http-client", NotYet),
    ("remove-content-length-request-headers-filter", NoMeaning),
    ("remove-hop-by-hop-request-headers-filter.enabled", Only("true")),
    ("remove-hop-by-hop-response-headers-filter.enabled", Only("true")),
    ("remove-http2-status-response-headers-filter", NoMeaning),
    ("streaming-buffer-size", NoMeaning),
    ("streaming-media-types", NoMeaning),
    (
        "transfer-encoding-normalization-request-headers-filter",
        NoMeaning,
    ),
    ("use-framework-retry-filter", NoMeaning),
    ("weight-calculator-filter", NoMeaning),
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
    ("x-forwarded-request-headers-filter.order", NoMeaning),
];
