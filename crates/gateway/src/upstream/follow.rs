//! Keeps every upstream's endpoints as the registry and the servers of names tell them.
//!
//! One task on the control plane's runtime follows the registry and publishes immutable sets; workers only read them. An
//! instance that registers is routable when its set is published, some hundred microseconds later.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use koinon_base::{Namespace, Rng, ServiceName};
use koinon_core_balance::{Endpoint, EndpointId, EndpointSet, PolicyKind};
use koinon_core_registry::{Instance, Scheme, Status};
use koinon_service_registry::{Event, RegistryHandle, Subscription};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::sleep_until;
use tracing::{error, info, warn};

use super::names::Names;
use super::{Target, Upstream, UpstreamName};

/// Where instances are found.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) registry: RegistryHandle,
    pub(crate) namespace: Namespace,
}

/// Every upstream that some route names.
#[derive(Debug)]
pub(crate) struct Upstreams {
    source: Option<Source>,
    policy: PolicyKind,
    zone: Option<String>,
    workers: usize,
    table: Mutex<Table>,
    /// A route names an upstream that the follower has not filled yet.
    wanted: Notify,
    /// The names of all registered services, for the discovery locator.
    services: watch::Sender<Arc<[ServiceName]>>,
}

#[derive(Debug)]
struct Table {
    by_name: BTreeMap<(UpstreamName, &'static str), Arc<Upstream>>,
    names: Names,
    rng: Rng,
}

impl Upstreams {
    pub(crate) fn new(
        source: Option<Source>,
        policy: PolicyKind,
        zone: Option<String>,
        workers: usize,
    ) -> Self {
        let upstreams = Self {
            source,
            policy,
            zone,
            workers,
            table: Mutex::new(Table {
                by_name: BTreeMap::new(),
                names: Names::default(),
                rng: Rng::from_entropy(),
            }),
            wanted: Notify::new(),
            services: watch::Sender::new(Arc::from([])),
        };
        upstreams.note_services();
        upstreams
    }

    /// The upstream of that name, filled with what is known at this moment.
    pub(crate) fn get(&self, name: &UpstreamName, policy: Option<PolicyKind>) -> Arc<Upstream> {
        let policy = policy.unwrap_or(self.policy);
        let mut table = self.lock();
        if let Some(known) = table.by_name.get(&(name.clone(), policy.as_str())) {
            return Arc::clone(known);
        }
        let new = Upstream::new(
            name.clone(),
            policy,
            self.zone.is_some(),
            self.workers,
            &mut table.rng,
        );
        let new = Arc::new(new);
        table
            .by_name
            .insert((name.clone(), policy.as_str()), Arc::clone(&new));
        self.fill(&new, &mut table.names);
        drop(table);
        self.wanted.notify_one();
        new
    }

    /// Forgets upstreams that no route names any more.
    pub(crate) fn forget_unused(&self) {
        let mut table = self.lock();
        table
            .by_name
            .retain(|_, upstream| Arc::strong_count(upstream) > 1);
        table.names.forget_unused();
        self.refill(&mut table, |_| true);
    }

    /// All of them, by name.
    pub(crate) fn all(&self) -> Vec<Arc<Upstream>> {
        self.lock().by_name.values().cloned().collect()
    }

    /// The names of all registered services, now and whenever they change.
    pub(crate) fn services(&self) -> watch::Receiver<Arc<[ServiceName]>> {
        self.services.subscribe()
    }

    /// Follows the registry and the servers of names until it is dropped.
    pub(crate) async fn follow(self: Arc<Self>) {
        let mut subscription = self.subscribe();
        let mut lookups = JoinSet::new();
        loop {
            let due = self.lock().names.ask(&mut lookups);
            tokio::select! {
                event = next(&mut subscription) => match event {
                    Some(event) => self.apply(&event),
                    None => subscription = None,
                },
                Some(answer) = lookups.join_next() => {
                    let mut table = self.lock();
                    match answer {
                        Ok(answer) => {
                            if table.names.learn(answer) {
                                self.refill(&mut table, |_| true);
                            }
                        }
                        Err(_panicked) => table.names.lost(),
                    }
                }
                () = self.wanted.notified() => {}
                () = sleep_until(due) => {}
            }
        }
    }

    fn subscribe(&self) -> Option<Subscription> {
        let source = self.source.as_ref()?;
        match source.registry.subscribe(&source.namespace, None, None) {
            Ok(subscription) => Some(subscription),
            Err(error) => {
                error!(%error, namespace = %source.namespace, "the gateway cannot follow the registry");
                None
            }
        }
    }

    fn apply(&self, event: &Event) {
        match event {
            Event::Snapshot { .. } => self.refill(&mut self.lock(), |_| true),
            Event::Changes { changes, .. } => {
                let touched: BTreeSet<&ServiceName> =
                    changes.iter().map(|change| change.instance.service()).collect();
                self.refill(&mut self.lock(), |name| match name {
                    UpstreamName::Service(service) => touched.contains(service),
                    UpstreamName::Address(..) => false,
                });
            }
        }
        self.note_services();
    }

    fn refill(&self, table: &mut Table, which: impl Fn(&UpstreamName) -> bool) {
        let Table { by_name, names, .. } = table;
        for upstream in by_name.values().filter(|upstream| which(&upstream.name)) {
            self.fill(upstream, names);
        }
    }

    fn fill(&self, upstream: &Upstream, names: &mut Names) {
        let endpoints = match &upstream.name {
            UpstreamName::Address(host, port) => at_address(host, *port, names),
            UpstreamName::Service(service) => self.instances(service, names),
        };
        let before = upstream.set.load();
        let set = EndpointSet::build(endpoints, self.zone.as_deref(), Some(&before));
        if before.is_empty() != set.is_empty() {
            info!(upstream = %upstream.name, endpoints = set.len(), "endpoints");
        }
        upstream.set.store(Arc::new(set));
    }

    fn instances(&self, service: &ServiceName, names: &mut Names) -> Vec<Endpoint<Target>> {
        let Some(source) = &self.source else {
            return Vec::new();
        };
        let Some(snapshot) = source.registry.snapshot(&source.namespace) else {
            return Vec::new();
        };
        let Some(view) = snapshot.service(service) else {
            return Vec::new();
        };
        let up = view
            .instances
            .values()
            .filter(|instance| instance.status == Status::Up);
        up.flat_map(|instance| of_instance(instance, names)).collect()
    }

    fn note_services(&self) {
        let Some(source) = &self.source else { return };
        let names: Vec<ServiceName> = source
            .registry
            .snapshot(&source.namespace)
            .map(|snapshot| snapshot.services().map(|view| view.name.clone()).collect())
            .unwrap_or_default();
        self.services.send_if_modified(|known| {
            let changed = **known != *names;
            if changed {
                *known = Arc::from(names);
            }
            changed
        });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Table> {
        // Nothing under the lock can leave it half changed: sets are swapped whole.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn next(subscription: &mut Option<Subscription>) -> Option<Event> {
    match subscription {
        Some(subscription) => subscription.next().await,
        None => std::future::pending().await,
    }
}

fn at_address(host: &str, port: u16, names: &mut Names) -> Vec<Endpoint<Target>> {
    let of = |ip| {
        let addr = SocketAddr::new(ip, port);
        let target = Target {
            addr,
            host: host_field(host, port),
        };
        Endpoint::new(EndpointId::of_address(&ip.to_string(), port), target)
    };
    names.addresses(host).into_iter().map(of).collect()
}

fn of_instance(instance: &Instance, names: &mut Names) -> Option<Endpoint<Target>> {
    let description = &instance.description;
    if description.port == 0 {
        return None;
    }
    match description.scheme {
        Scheme::Http => {}
        Scheme::Https | Scheme::Tcp => {
            warn!(service = %instance.service(), instance = %instance.id(),
                "an instance that does not speak plain HTTP cannot be routed to yet");
            return None;
        }
    }
    let (host, port) = (&*description.address, description.port);
    let ip = names.addresses(host).first().copied()?;
    let id = EndpointId::of_instance(instance.id().as_str(), host, port);
    Some(Endpoint {
        weight: description.weight,
        zone: description.zone.as_deref().map(Arc::from),
        incarnation: instance.registered_ms.unsigned_abs(),
        ..Endpoint::new(
            id,
            Target {
                addr: SocketAddr::new(ip, port),
                host: host_field(host, port),
            },
        )
    })
}

/// `Host` leaves the usual port out, as clients do.
fn host_field(host: &str, port: u16) -> Box<str> {
    let bare = host.contains(':') && !host.starts_with('[');
    match (bare, port) {
        (false, 80) => host.into(),
        (false, _) => format!("{host}:{port}").into(),
        (true, 80) => format!("[{host}]").into(),
        (true, _) => format!("[{host}]:{port}").into(),
    }
}
