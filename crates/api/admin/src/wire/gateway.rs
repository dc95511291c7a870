//! Routes, upstreams and what becomes of a request, as they are shown.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The routes in force, in the order in which they are matched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RouteList {
    /// The first that takes a request gets it.
    pub routes: Vec<Route>,
}

/// One route.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Route {
    /// Its name.
    pub id: String,
    /// Lower is matched first.
    pub order: i32,
    /// Where its requests go: `lb://service` or `http://host:port`.
    pub uri: String,
    /// All of them must hold; as in `Path=/orders/**`.
    pub predicates: Vec<String>,
    /// In the order in which they see a request, default filters in their places; as in `StripPrefix=1`.
    pub filters: Vec<String>,
    /// Its own pairs.
    pub metadata: BTreeMap<String, String>,
    /// What it has answered since start.
    pub responses: Responses,
    /// Whether `responses` are those of all routes together that are not counted each.
    pub counted_with_others: bool,
}

/// Responses since start.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Responses {
    /// All of them.
    pub count: u64,
    /// The same by the first digit of their status: `2xx`. Classes without a response are left out.
    pub by_class: BTreeMap<String, u64>,
    /// From a request's head to its response's end, in milliseconds, on average; `null` without a response.
    pub mean_ms: Option<f64>,
}

/// Every upstream that a route names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UpstreamList {
    /// By name.
    pub upstreams: Vec<Upstream>,
}

/// A named set of endpoints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Upstream {
    /// `lb://service` or `http://host:port`.
    pub name: String,
    /// How an endpoint is chosen: `round_robin`, `random`, `weighted`, `least_requests` or `p2c`.
    pub policy: String,
    /// Where its requests may go.
    pub endpoints: Vec<Endpoint>,
    /// Connections made since start.
    pub connects: u64,
    /// Connections that could not be made.
    pub connect_failures: u64,
    /// Requests that were sent once more, to another endpoint where there was one.
    pub retries: u64,
    /// Requests that would have been, had the retry budget allowed it.
    pub retries_refused: u64,
    /// What it has answered since start.
    pub responses: Responses,
}

/// An address to send requests to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Endpoint {
    /// The instance's id and address.
    pub id: String,
    /// Its IP address and port.
    pub address: String,
    /// Its share relative to the others.
    pub weight: u32,
    /// Where it runs.
    pub zone: Option<String>,
    /// Whether it gets requests.
    pub state: EndpointState,
    /// Requests that it has not answered yet.
    pub in_flight: u32,
    /// Failures in a row.
    pub failures: u32,
    /// When it is tried again, in milliseconds from now; only while it is `skipped`.
    pub retry_in_ms: Option<u64>,
}

/// Whether an endpoint gets requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndpointState {
    /// As its share says.
    Serving,
    /// None, because it could not be connected to.
    Skipped,
    /// One, to see whether it is back.
    Probing,
}

/// A request that is only thought of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TryRequest {
    /// Its method; `GET` when absent.
    #[serde(default = "get")]
    pub method: String,
    /// `http://host/path?query`, or `/path?query` for a request without `Host`.
    pub url: String,
    /// Its headers.
    #[serde(default)]
    pub headers: Vec<Header>,
}

fn get() -> String {
    "GET".to_owned()
}

/// A header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// What would become of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tried {
    /// The route that takes it; `null` when none does, which is answered with 404.
    pub taken: Option<Taken>,
    /// Routes that would have come before (all routes, when none takes it) and do not, those that came nearest first.
    pub refused: Vec<Refused>,
    /// How many more there are of these.
    pub refused_more: usize,
}

/// The route that takes a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Taken {
    /// The route.
    pub route: String,
    /// Where its requests go.
    pub uri: String,
    /// Why it takes it: all of these hold.
    pub predicates: Vec<String>,
    /// What it does to it.
    pub filters: Vec<String>,
    /// What its patterns took from the request.
    pub variables: BTreeMap<String, String>,
    /// What comes of that.
    pub outcome: Outcome,
}

/// What comes of a request that a route took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// It is sent to the upstream.
    Forwarded {
        /// The route's uri, with path and query as the filters leave them.
        url: String,
        /// The headers as the filters leave them, without those that the gateway itself adds.
        headers: Vec<Header>,
        /// Whether the upstream sees the client's `Host`, not the endpoint's.
        host_preserved: bool,
    },
    /// A filter answers it.
    Answered {
        /// The status.
        status: u16,
        /// The answer's headers.
        headers: Vec<Header>,
    },
}

/// A route that does not take a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Refused {
    /// The route.
    pub route: String,
    /// The first of its predicates that does not hold.
    pub predicate: String,
    /// Why not.
    pub why: String,
    /// How many predicates before it hold.
    pub held: usize,
}
