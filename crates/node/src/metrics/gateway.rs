//! The gateway's figures.
//!
//! Invariant: labels are bounded. Routes beyond the thousandth share one meter, which is shown as `other`; so are
//! upstreams beyond the thousandth.

use std::collections::BTreeMap;

use koinon_gateway::{BUCKETS_US, Counts, Gateway, MeterView, RouteView, UpstreamView};
use koinon_io_telemetry::{Distribution, Metrics, Sample};

/// Upstreams that are shown each by its own name.
const UPSTREAMS_MAX: usize = 1_000;
/// What the rest is called.
const OTHER: &str = "other";
/// Statuses by their first digit.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

type Count = (&'static str, &'static str, fn(&Counts) -> u64);

const GAUGES: &[Count] = &[
    (
        "gateway_connections_open",
        "Client connections open now",
        |counts| counts.open,
    ),
    (
        "gateway_upstream_connections_idle",
        "Connections to endpoints that wait for a request",
        |counts| counts.pooled,
    ),
];

const COUNTERS: &[Count] = &[
    ("gateway_connections", "Client connections accepted", |counts| {
        counts.accepted
    }),
    (
        "gateway_connections_refused",
        "Client connections closed because there was no room",
        |counts| counts.refused_connections,
    ),
    (
        "gateway_heads",
        "Requests whose head came, malformed and unrouted ones included",
        |counts| counts.requests,
    ),
    (
        "gateway_upgrades",
        "Connections that went on in another protocol",
        |counts| counts.upgrades,
    ),
    (
        "gateway_aborted",
        "Clients that went away before their response was whole",
        |counts| counts.aborted,
    ),
    (
        "gateway_truncated",
        "Responses that an endpoint did not end",
        |counts| counts.truncated,
    ),
    (
        "gateway_access_log_dropped",
        "Lines of the access log that were lost because its reader was slow",
        |counts| counts.log_dropped,
    ),
];

type UpstreamCount = (&'static str, &'static str, fn(&UpstreamView) -> u64);

const UPSTREAM_COUNTERS: &[UpstreamCount] = &[
    (
        "gateway_upstream_connects",
        "Connections to endpoints that were made",
        |upstream| upstream.connects,
    ),
    (
        "gateway_upstream_connect_failures",
        "Connections to endpoints that could not be made",
        |upstream| upstream.connect_failures,
    ),
    (
        "gateway_upstream_retries",
        "Requests that were sent once more",
        |upstream| upstream.retries,
    ),
    (
        "gateway_upstream_retries_refused",
        "Requests that the retry budget did not let be sent once more",
        |upstream| upstream.retries_refused,
    ),
];

/// Adds them all.
pub(crate) fn add(metrics: &mut Metrics, gateway: &Gateway) {
    add_connections(metrics, gateway);
    add_routes(metrics, gateway);
    add_upstreams(metrics, gateway);
}

fn add_connections(metrics: &mut Metrics, gateway: &Gateway) {
    let plain = |read: fn(&Counts) -> u64| {
        let gateway = gateway.clone();
        move || vec![Sample::plain(read(&gateway.counts()))]
    };
    for (name, help, read) in GAUGES {
        metrics.gauge(name, help, plain(*read));
    }
    for (name, help, read) in COUNTERS {
        metrics.counter(name, help, plain(*read));
    }
    let faults = gateway.clone();
    metrics.counter(
        "gateway_faults",
        "Requests that no endpoint answered, by reason",
        move || {
            let faults = faults.counts().faults.into_iter();
            faults
                .map(|(reason, count)| Sample::labelled("reason", reason, count))
                .collect()
        },
    );
}

fn add_routes(metrics: &mut Metrics, gateway: &Gateway) {
    let counted = gateway.clone();
    metrics.counter(
        "gateway_requests",
        "Requests that a route took, by route and class of the response's status",
        move || {
            let routes = counted.routes();
            by_route(&routes)
                .into_iter()
                .flat_map(|(route, meter)| by_class("route", route, meter))
                .collect()
        },
    );
    let timed = gateway.clone();
    metrics.histogram(
        "gateway_request_duration_seconds",
        "From a request's head to its response's end, by route",
        move || {
            let routes = timed.routes();
            by_route(&routes)
                .into_iter()
                .map(|(route, meter)| distribution(route, meter))
                .collect()
        },
    );
}

fn add_upstreams(metrics: &mut Metrics, gateway: &Gateway) {
    let responses = gateway.clone();
    metrics.counter(
        "gateway_upstream_responses",
        "Responses, by upstream and class of their status",
        move || {
            let mut sums: BTreeMap<String, MeterView> = BTreeMap::new();
            for (name, upstream) in by_upstream(&responses.upstreams()) {
                let sum = sums.entry(name).or_default();
                for (sum, count) in sum.by_class.iter_mut().zip(upstream.responses.by_class) {
                    *sum += count;
                }
            }
            let sums = sums.iter();
            sums.flat_map(|(name, sum)| by_class("upstream", name, sum))
                .collect()
        },
    );
    for (name, help, read) in UPSTREAM_COUNTERS {
        let gateway = gateway.clone();
        metrics.counter(name, help, move || {
            let mut sums: BTreeMap<String, u64> = BTreeMap::new();
            for (name, upstream) in by_upstream(&gateway.upstreams()) {
                *sums.entry(name).or_default() += read(upstream);
            }
            let sums = sums.into_iter();
            sums.map(|(name, sum)| Sample::labelled("upstream", name, sum))
                .collect()
        });
    }
    let endpoints = gateway.clone();
    metrics.gauge(
        "gateway_endpoints",
        "Endpoints, by upstream and state",
        move || {
            let mut sums: BTreeMap<(String, &'static str), u64> = BTreeMap::new();
            for (name, upstream) in by_upstream(&endpoints.upstreams()) {
                for state in ["serving", "skipped", "probing"] {
                    let count = upstream
                        .endpoints
                        .iter()
                        .filter(|endpoint| endpoint.state == state)
                        .count();
                    *sums.entry((name.clone(), state)).or_default() += count as u64;
                }
            }
            let sample = |((name, state), value): ((String, &'static str), u64)| Sample {
                labels: vec![("upstream", name), ("state", state.to_owned())],
                value,
            };
            sums.into_iter().map(sample).collect()
        },
    );
}

/// Each meter once, under its route's name, or `other` when several routes have it. Those are neighbours.
fn by_route(routes: &[RouteView]) -> Vec<(&str, &MeterView)> {
    let shared = |a: Option<&RouteView>, b: &RouteView| a.is_some_and(|a| a.is_counted_with(b));
    let each = routes.iter().enumerate().filter_map(|(at, route)| {
        let before = at.checked_sub(1).and_then(|at| routes.get(at));
        if shared(before, route) {
            return None;
        }
        let name = if shared(routes.get(at + 1), route) {
            OTHER
        } else {
            &route.is.id
        };
        Some((name, &route.responses))
    });
    each.collect()
}

/// Two upstreams may have one name, when they balance in different ways.
fn by_upstream(upstreams: &[UpstreamView]) -> Vec<(String, &UpstreamView)> {
    let each = upstreams.iter().enumerate();
    each.map(|(at, upstream)| {
        let name = if at < UPSTREAMS_MAX { &upstream.name } else { OTHER };
        (name.to_owned(), upstream)
    })
    .collect()
}

fn by_class(label: &'static str, name: &str, meter: &MeterView) -> Vec<Sample> {
    let classes = CLASSES.into_iter().zip(meter.by_class);
    classes
        .map(|(class, value)| Sample {
            labels: vec![(label, name.to_owned()), ("class", class.to_owned())],
            value,
        })
        .collect()
}

fn distribution(route: &str, meter: &MeterView) -> Distribution {
    let ends = BUCKETS_US.into_iter().map(seconds).chain([f64::INFINITY]);
    Distribution {
        labels: vec![("route", route.to_owned())],
        buckets: ends.zip(meter.by_bucket).collect(),
        sum: seconds(meter.sum_us),
    }
}

/// Far below 2^53 microseconds (285 years) nothing is lost.
fn seconds(us: u64) -> f64 {
    us as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use koinon_core_route::{Extensions, Route};
    use koinon_gateway::{GatewayListener, GatewaySettings};

    use super::*;

    /// However many routes and upstreams a file has, a scrape has no more than a thousand names of each, and one for the
    /// rest.
    #[tokio::test]
    async fn labels_are_bounded() {
        let names = 0..1_003;
        let extensions = names.fold(Extensions::default(), |all, name| {
            let route = Route::builder(&format!("r{name}")).path("/**");
            all.route(route.uri(&format!("lb://s{name}")))
        });
        let listener = GatewayListener::bind("gateway", "127.0.0.1:0".parse().unwrap(), 1).unwrap();
        let (_drain, draining) = koinon_io_net::drain();
        let settings = GatewaySettings::default();
        let (gateway, _serving) = Gateway::start(listener, settings, None, extensions, draining).unwrap();
        let mut metrics = Metrics::default();
        add(&mut metrics, &gateway);
        let text = metrics.encode();
        let count = |start: &str| text.lines().filter(|line| line.starts_with(start)).count();
        assert_eq!(count("koinon_gateway_requests_total{"), 1_001 * CLASSES.len());
        assert_eq!(
            count("koinon_gateway_requests_total{route=\"other\""),
            CLASSES.len()
        );
        assert_eq!(count("koinon_gateway_request_duration_seconds_count{"), 1_001);
        assert_eq!(count("koinon_gateway_upstream_connects_total{"), 1_001);
        assert_eq!(count("koinon_gateway_endpoints{upstream=\"other\""), 3);
    }
}
