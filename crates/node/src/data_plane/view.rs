//! The gateway in the shapes of the native API.

use koinon_api_admin::DataPlane;
use koinon_api_admin::wire::{Endpoint, EndpointState, Responses, Route, Upstream};
use koinon_core_route::{Explanation, OwnedRequest};
use koinon_gateway::{EndpointView, Gateway, MeterView, RouteView, UpstreamView};

/// A gateway that the native API shows.
#[derive(Debug)]
pub(crate) struct Shown(pub(crate) Gateway);

impl DataPlane for Shown {
    fn routes(&self) -> Vec<Route> {
        let routes = self.0.routes();
        let shown = routes.iter().enumerate().map(|(at, view)| {
            // Routes that share their counts are neighbours: the last ones.
            let neighbours = [at.checked_sub(1), at.checked_add(1)].into_iter().flatten();
            let shared = neighbours
                .filter_map(|at| routes.get(at))
                .any(|other| view.is_counted_with(other));
            route(view, shared)
        });
        shown.collect()
    }

    fn upstreams(&self) -> Vec<Upstream> {
        self.0.upstreams().into_iter().map(upstream).collect()
    }

    fn explain(&self, request: &OwnedRequest) -> Explanation {
        self.0.explain(request)
    }
}

fn route(view: &RouteView, counted_with_others: bool) -> Route {
    let is = view.is.clone();
    Route {
        id: is.id,
        order: is.order,
        uri: is.uri,
        predicates: is.predicates,
        filters: is.filters,
        metadata: is.metadata.into_iter().collect(),
        responses: responses(&view.responses),
        counted_with_others,
    }
}

fn upstream(view: UpstreamView) -> Upstream {
    Upstream {
        name: view.name,
        policy: view.policy.to_owned(),
        endpoints: view.endpoints.into_iter().map(endpoint).collect(),
        connects: view.connects,
        connect_failures: view.connect_failures,
        retries: view.retries,
        retries_refused: view.retries_refused,
        responses: responses(&view.responses),
    }
}

fn endpoint(view: EndpointView) -> Endpoint {
    Endpoint {
        id: view.id,
        address: view.address,
        weight: view.weight,
        zone: view.zone,
        state: match view.state {
            "skipped" => EndpointState::Skipped,
            "probing" => EndpointState::Probing,
            _ => EndpointState::Serving,
        },
        in_flight: view.in_flight,
        failures: view.failures,
        retry_in_ms: view.retry_in_ms,
    }
}

fn responses(view: &MeterView) -> Responses {
    let classes = ["1xx", "2xx", "3xx", "4xx", "5xx"].into_iter().zip(view.by_class);
    let count = view.count();
    Responses {
        count,
        by_class: classes
            .filter(|(_, count)| *count > 0)
            .map(|(class, count)| (class.to_owned(), count))
            .collect(),
        mean_ms: (count > 0).then(|| view.sum_us as f64 / 1_000.0 / count as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mean is of all responses in milliseconds, and classes nobody answered with are not shown.
    #[test]
    fn responses_are_summed_up() {
        let view = MeterView {
            by_class: [0, 3, 0, 0, 1],
            sum_us: 6_000,
            ..MeterView::default()
        };
        let shown = responses(&view);
        assert_eq!((shown.count, shown.mean_ms), (4, Some(1.5)));
        let classes: Vec<_> = shown.by_class.into_iter().collect();
        assert_eq!(classes, [("2xx".to_owned(), 3), ("5xx".to_owned(), 1)]);
        assert_eq!(responses(&MeterView::default()), Responses::default());
    }
}
