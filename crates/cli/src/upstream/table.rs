//! Upstreams and their endpoints, for people.

use koinon_api_admin::wire::{Endpoint, EndpointState, Upstream};

use crate::table::{NOTHING, layout, printable};

/// A line for each endpoint; an upstream without one has a line that says so.
pub(super) fn upstreams(upstreams: &[Upstream]) -> String {
    if upstreams.is_empty() {
        return "no upstreams".to_owned();
    }
    let head = [
        "UPSTREAM",
        "POLICY",
        "ID",
        "ADDRESS",
        "ZONE",
        "WEIGHT",
        "STATE",
        "IN FLIGHT",
        "FAILURES",
    ]
    .map(str::to_owned);
    let rows = upstreams.iter().flat_map(|upstream| {
        let endpoints = upstream.endpoints.iter().map(Some);
        let none = upstream.endpoints.is_empty().then_some(None);
        endpoints.chain(none).map(|endpoint| row(upstream, endpoint))
    });
    layout(std::iter::once(head).chain(rows).collect())
}

fn row(upstream: &Upstream, endpoint: Option<&Endpoint>) -> [String; 9] {
    let [name, policy] = [&upstream.name, &upstream.policy].map(|text| printable(text));
    let Some(endpoint) = endpoint else {
        let nothing = || NOTHING.to_owned();
        let state = "no endpoints".to_owned();
        return [
            name,
            policy,
            nothing(),
            nothing(),
            nothing(),
            nothing(),
            state,
            nothing(),
            nothing(),
        ];
    };
    [
        name,
        policy,
        printable(&endpoint.id),
        printable(&endpoint.address),
        endpoint
            .zone
            .as_deref()
            .map_or_else(|| NOTHING.to_owned(), printable),
        endpoint.weight.to_string(),
        state(endpoint),
        endpoint.in_flight.to_string(),
        endpoint.failures.to_string(),
    ]
}

fn state(endpoint: &Endpoint) -> String {
    match (endpoint.state, endpoint.retry_in_ms) {
        (EndpointState::Serving, _) => "serving".to_owned(),
        (EndpointState::Probing, _) => "probing".to_owned(),
        (EndpointState::Skipped, None) => "skipped".to_owned(),
        (EndpointState::Skipped, Some(ms)) => format!("skipped for {ms} ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(id: &str, state: EndpointState, retry_in_ms: Option<u64>) -> Endpoint {
        Endpoint {
            id: id.to_owned(),
            address: "127.0.0.1:8081".to_owned(),
            weight: 100,
            zone: None,
            state,
            in_flight: 2,
            failures: 3,
            retry_in_ms,
        }
    }

    fn upstream(name: &str, endpoints: Vec<Endpoint>) -> Upstream {
        Upstream {
            name: name.to_owned(),
            policy: "p2c".to_owned(),
            endpoints,
            connects: 0,
            connect_failures: 0,
            retries: 0,
            retries_refused: 0,
            responses: koinon_api_admin::wire::Responses::default(),
        }
    }

    /// Each state has its own word, an upstream without endpoints is not left out, and what registered itself with control
    /// characters does not draw on the terminal.
    #[test]
    fn every_endpoint_has_its_line() {
        let endpoints = vec![
            endpoint("a", EndpointState::Serving, None),
            endpoint("b\u{1b}", EndpointState::Skipped, Some(250)),
            endpoint("c", EndpointState::Probing, None),
        ];
        let shown = upstreams(&[
            upstream("lb://orders", endpoints),
            upstream("lb://none", Vec::new()),
        ]);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(
            lines,
            [
                "UPSTREAM     POLICY  ID       ADDRESS         ZONE  WEIGHT  STATE               IN FLIGHT  FAILURES",
                "lb://orders  p2c     a        127.0.0.1:8081  -     100     serving             2          3",
                "lb://orders  p2c     b\\u{1b}  127.0.0.1:8081  -     100     skipped for 250 ms  2          3",
                "lb://orders  p2c     c        127.0.0.1:8081  -     100     probing             2          3",
                "lb://none    p2c     -        -               -     -       no endpoints        -          -",
            ]
        );
        assert_eq!(upstreams(&[]), "no upstreams");
    }
}
