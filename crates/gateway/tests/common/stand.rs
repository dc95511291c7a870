//! A gateway with a real registry, in this process.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use koinon_base::{InstanceId, Namespace, Rng, ServiceName, SystemClock};
use koinon_core_registry::{Consistency, Description, LeaseTerms, Pairs, Registration, Scheme, Status};
use koinon_core_route::{Extensions, Route, RouteBuilder};
use koinon_gateway::{Counts, Gateway, GatewayListener, GatewaySettings, Serving, UpstreamView};
use koinon_io_net::{DrainHandle, ServeReport};
use koinon_service_registry::{RegistryHandle, Settings};
use tokio::runtime::Runtime;

use super::{PATIENCE, until};

/// A running gateway and all around it.
pub(crate) struct Stand {
    pub(crate) gateway: Gateway,
    pub(crate) registry: RegistryHandle,
    pub(crate) addr: SocketAddr,
    pub(crate) drain: DrainHandle,
    serving: Option<Serving>,
    runtime: Option<Runtime>,
}

/// The defaults, with so many workers.
pub(crate) fn settings(workers: usize) -> GatewaySettings {
    GatewaySettings {
        workers,
        ..GatewaySettings::default()
    }
}

/// Everything goes to one address.
pub(crate) fn route_to(addr: SocketAddr) -> RouteBuilder {
    Route::builder("all").path("/**").uri(&format!("http://{addr}"))
}

/// An instance that a service registers.
pub(crate) fn registration(service: &str, id: &str, addr: SocketAddr) -> Registration {
    Registration {
        description: Description {
            service: ServiceName::new(service).unwrap(),
            id: InstanceId::new(id).unwrap(),
            address: addr.ip().to_string().into(),
            port: addr.port(),
            scheme: Scheme::Http,
            zone: None,
            weight: Description::WEIGHT_DEFAULT,
            version: None,
            metadata: Pairs::new(),
            attributes: Pairs::new(),
            lease: LeaseTerms::default(),
        },
        consistency: Consistency::Ephemeral,
        status: Status::Up,
        status_override: None,
        last_dirty_ms: None,
        replicated: false,
    }
}

impl Stand {
    /// A gateway with one route.
    pub(crate) fn with(settings: GatewaySettings, route: RouteBuilder) -> Self {
        Self::with_routes(settings, [route])
    }

    /// Everything goes to one address.
    pub(crate) fn to(workers: usize, addr: SocketAddr) -> Self {
        Self::with(settings(workers), route_to(addr))
    }

    /// Everything goes to the service `orders`, which has no instances yet.
    pub(crate) fn balanced(settings: GatewaySettings) -> Self {
        Self::with(settings, Route::builder("orders").path("/**").uri("lb://orders"))
    }

    pub(crate) fn with_routes(
        settings: GatewaySettings,
        routes: impl IntoIterator<Item = RouteBuilder>,
    ) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let registry = RegistryHandle::new(
            Settings::default(),
            Arc::new(SystemClock::default()),
            Rng::from_seed(7),
        );
        let listener =
            GatewayListener::bind("gateway", "127.0.0.1:0".parse().unwrap(), settings.workers).unwrap();
        let routes = routes.into_iter().fold(Extensions::default(), Extensions::route);
        let (drain, draining) = koinon_io_net::drain();
        let source = Some((registry.clone(), Namespace::default()));
        let (gateway, serving) = {
            let _inside = runtime.enter();
            Gateway::start(listener, settings, source, routes, draining).unwrap()
        };
        Self {
            addr: gateway.local_addr(),
            gateway,
            registry,
            drain,
            serving: Some(serving),
            runtime: Some(runtime),
        }
    }

    /// Registers an instance of `orders`.
    pub(crate) fn register(&self, id: &str, addr: SocketAddr) {
        self.registry
            .register(&Namespace::default(), registration("orders", id, addr))
            .unwrap();
    }

    /// Registers instances and waits until all are known.
    pub(crate) fn register_all(&self, addrs: &[SocketAddr]) {
        for (nth, addr) in addrs.iter().enumerate() {
            self.register(&format!("orders-{nth}"), *addr);
        }
        until("all instances are endpoints", || {
            self.upstream().endpoints.len() == addrs.len()
        });
    }

    /// Takes an instance of `orders` out.
    pub(crate) fn cancel(&self, id: &str) {
        let service = ServiceName::new("orders").unwrap();
        let id = InstanceId::new(id).unwrap();
        self.registry
            .cancel(&Namespace::default(), &service, &id)
            .unwrap();
    }

    /// The only upstream.
    pub(crate) fn upstream(&self) -> UpstreamView {
        let mut all = self.gateway.upstreams();
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    pub(crate) fn counts(&self) -> Counts {
        self.gateway.counts()
    }

    /// How often requests failed for this reason.
    pub(crate) fn faults(&self, code: &str) -> u64 {
        let counts = self.counts();
        counts.faults.iter().find(|(known, _)| *known == code).unwrap().1
    }

    /// Waits until nothing is in flight anywhere.
    pub(crate) fn until_quiet(&self) {
        until("every in-flight count is 0", || {
            let all = self.gateway.upstreams();
            all.iter()
                .flat_map(|upstream| &upstream.endpoints)
                .all(|endpoint| endpoint.in_flight == 0)
        });
    }

    /// Waits for the end of a drain that was started.
    pub(crate) fn wait(&mut self) -> ServeReport {
        let serving = self.serving.take().expect("waited once");
        let runtime = self.runtime.as_ref().unwrap();
        runtime.block_on(async {
            tokio::time::timeout(PATIENCE, serving.wait())
                .await
                .expect("the drain ends")
        })
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        self.drain.start(Duration::ZERO);
        if self.serving.is_some() && !std::thread::panicking() {
            self.wait();
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
