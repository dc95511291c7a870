//! Where requests go: the endpoints of one upstream, how one is chosen, and what is known of them, node-wide.

mod follow;
mod names;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use arc_swap::ArcSwap;
use koinon_base::{Rng, ServiceName};
use koinon_core_balance::{Balancer, EndpointSet, PolicyKind, RetryBudget, RetryBudgetConfig, Standing};

use crate::meter::{Meter, MeterView};

pub(crate) use follow::{Source, Upstreams};

/// What a route's uri names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum UpstreamName {
    /// `lb://service`.
    Service(ServiceName),
    /// `http://host:port`.
    Address(Arc<str>, u16),
}

impl std::fmt::Display for UpstreamName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Service(name) => write!(f, "lb://{name}"),
            Self::Address(host, port) => write!(f, "http://{host}:{port}"),
        }
    }
}

/// What is needed to send a request to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) addr: SocketAddr,
    /// What `Host` says, unless the route preserves the client's.
    pub(crate) host: Box<str>,
}

/// One upstream. Shared by all workers and by every route that names it.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) name: UpstreamName,
    pub(crate) policy: PolicyKind,
    pub(crate) balancer: Balancer,
    pub(crate) budget: RetryBudget,
    pub(crate) set: ArcSwap<EndpointSet<Target>>,
    pub(crate) counts: UpstreamCounts,
    pub(crate) meter: Meter,
}

impl Upstream {
    fn new(name: UpstreamName, policy: PolicyKind, prefer_zone: bool, workers: usize, rng: &mut Rng) -> Self {
        Self {
            name,
            policy,
            balancer: Balancer::new(policy, rng).prefer_zone(prefer_zone),
            budget: RetryBudget::new(RetryBudgetConfig::default()),
            set: ArcSwap::default(),
            counts: UpstreamCounts::default(),
            meter: Meter::new(workers),
        }
    }
}

/// What happened at an upstream that is rare enough to be counted in one place.
#[derive(Debug, Default)]
pub(crate) struct UpstreamCounts {
    pub(crate) connects: AtomicU64,
    pub(crate) connect_failures: AtomicU64,
    pub(crate) retries: AtomicU64,
    pub(crate) retries_refused: AtomicU64,
}

impl UpstreamCounts {
    pub(crate) fn add(count: &AtomicU64) {
        count.fetch_add(1, Relaxed);
    }
}

/// An upstream as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamView {
    /// `lb://service` or `http://host:port`.
    pub name: String,
    /// How endpoints are chosen.
    pub policy: &'static str,
    /// In the order in which they are used.
    pub endpoints: Vec<EndpointView>,
    /// Connections made since start.
    pub connects: u64,
    /// Connections that could not be made.
    pub connect_failures: u64,
    /// Requests that were sent once more.
    pub retries: u64,
    /// Requests that would have been, had the budget allowed it.
    pub retries_refused: u64,
    /// Its responses.
    pub responses: MeterView,
}

/// An endpoint as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointView {
    /// The instance's id and address.
    pub id: String,
    /// Where it is.
    pub address: String,
    /// Its share.
    pub weight: u32,
    /// Where it runs.
    pub zone: Option<String>,
    /// Requests in flight to it.
    pub in_flight: u32,
    /// `serving`, `skipped` or `probing`.
    pub state: &'static str,
    /// Failures in a row.
    pub failures: u32,
    /// Until it is tried again, in milliseconds; only when it is skipped.
    pub retry_in_ms: Option<u64>,
}

impl Upstream {
    pub(crate) fn view(&self, now: koinon_base::Now) -> UpstreamView {
        let set = self.set.load();
        let endpoints = set.iter().map(|(endpoint, state)| {
            let (word, failures, retry_in_ms) = match state.standing(now) {
                Standing::Serving => ("serving", 0, None),
                Standing::Skipped {
                    failures,
                    retry_in_ms,
                } => ("skipped", failures, Some(retry_in_ms)),
                Standing::Probing { failures } => ("probing", failures, None),
            };
            EndpointView {
                id: endpoint.id.to_string(),
                address: endpoint.target.addr.to_string(),
                weight: endpoint.weight,
                zone: endpoint.zone.as_deref().map(str::to_owned),
                in_flight: state.in_flight(),
                state: word,
                failures,
                retry_in_ms,
            }
        });
        UpstreamView {
            name: self.name.to_string(),
            policy: self.policy.as_str(),
            endpoints: endpoints.collect(),
            connects: self.counts.connects.load(Relaxed),
            connect_failures: self.counts.connect_failures.load(Relaxed),
            retries: self.counts.retries.load(Relaxed),
            retries_refused: self.counts.retries_refused.load(Relaxed),
            responses: self.meter.read(),
        }
    }
}
