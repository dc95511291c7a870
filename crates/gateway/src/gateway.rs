//! A running gateway: its threads, its routes, and what an operator may ask of it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use koinon_base::{ErrorKind, Namespace};
use koinon_core_route::{
    Explanation, Extensions, OwnedRequest, Problem, Problems, RouteDescription, RoutesFile, located,
};
use koinon_io_net::{Drain, ServeReport};
use koinon_service_registry::RegistryHandle;
use thiserror::Error;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::access_log;
use crate::fault::Fault;
use crate::io::Clock;
use crate::listen::GatewayListener;
use crate::meter::MeterView;
use crate::routes::Routes;
use crate::settings::GatewaySettings;
use crate::snapshot::Published;
use crate::upstream::{Source, UpstreamView, Upstreams};
use crate::worker::{self, Caps, Node, WorkerCounts};

/// How long the last lines of the access log may take: who reads them slowly must not keep the process.
const LOG_WITHIN: Duration = Duration::from_secs(2);

/// Why a gateway did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// A route made in code is wrong.
    #[error(transparent)]
    Routes(#[from] Problems),
    /// The system gives no thread.
    #[error("the gateway's threads cannot be started")]
    Thread(#[from] io::Error),
}

impl StartError {
    /// What the caller must do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Routes(problems) => problems.kind(),
            Self::Thread(_) => ErrorKind::Unavailable,
        }
    }
}

/// A running gateway. Clones share it.
#[derive(Debug, Clone)]
pub struct Gateway {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    node: Arc<Node>,
    upstreams: Arc<Upstreams>,
    routes: Arc<Routes>,
    addr: SocketAddr,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// The gateway's threads, to be waited for.
#[derive(Debug)]
pub struct Serving {
    ends: Vec<oneshot::Receiver<io::Result<usize>>>,
    /// The end of the access log's writer, which comes after those of all threads that log.
    log_end: Option<oneshot::Receiver<()>>,
}

impl Serving {
    /// Waits until the drain is over and every thread has ended.
    pub async fn wait(self) -> ServeReport {
        let mut report = ServeReport { cut_off: 0 };
        for end in self.ends {
            match end.await {
                Ok(Ok(cut_off)) => report.cut_off += cut_off,
                Ok(Err(error)) => tracing::error!(%error, "a thread of the gateway could not run"),
                Err(_gone) => tracing::error!("a thread of the gateway panicked"),
            }
        }
        if let Some(end) = self.log_end
            && timeout(LOG_WITHIN, end).await.is_err()
        {
            tracing::error!("the access log's end could not be written in time");
        }
        report
    }
}

impl Gateway {
    /// Starts the threads, with the routes that `extensions` have; [`Gateway::set_routes`] adds a file's. Must run inside
    /// a tokio runtime, which follows the registry; requests are served elsewhere.
    ///
    /// # Errors
    /// When a route of `extensions` is wrong, or the system gives no thread.
    pub fn start(
        listener: GatewayListener,
        settings: GatewaySettings,
        registry: Option<(RegistryHandle, Namespace)>,
        extensions: Extensions,
        drain: Drain,
    ) -> Result<(Self, Serving), StartError> {
        let (gateway, serving, _notes) =
            Self::start_with(listener, settings, registry, extensions, None, drain)?;
        Ok((gateway, serving))
    }

    /// As [`Gateway::start`], with a file's routes in force before the first request is read; gives what is surprising in
    /// them.
    ///
    /// # Errors
    /// When a route is wrong, or the system gives no thread.
    pub fn start_with(
        listener: GatewayListener,
        settings: GatewaySettings,
        registry: Option<(RegistryHandle, Namespace)>,
        extensions: Extensions,
        file: Option<RoutesFile>,
        drain: Drain,
    ) -> Result<(Self, Serving, Vec<Problem>), StartError> {
        let addr = listener.local_addr();
        let settings = GatewaySettings {
            workers: listener.sockets.len(),
            ..settings
        };
        let source = registry.map(|(registry, namespace)| Source { registry, namespace });
        let upstreams = Upstreams::new(source, settings.policy, settings.zone.clone(), settings.workers);
        let node = Arc::new(Node {
            published: Arc::new(Published::default()),
            caps: Arc::new(Caps::new(
                settings.connections_max,
                settings.connections_per_address_max,
            )),
            counts: (0..settings.workers).map(|_| WorkerCounts::default()).collect(),
            clock: Clock::new(Instant::now()),
            settings,
        });
        let shared = Shared {
            upstreams: Arc::new(upstreams),
            routes: Arc::new(Routes::new(extensions)),
            addr,
            tasks: Vec::new(),
            node,
        };
        let notes = shared.apply(file)?;
        let serving = shared.spawn(listener, &drain)?;
        let mut shared = shared;
        let following = tokio::spawn(Arc::clone(&shared.upstreams).follow());
        let locating = tokio::spawn(locate(
            Arc::clone(&shared.node),
            Arc::clone(&shared.upstreams),
            Arc::clone(&shared.routes),
        ));
        shared.tasks = vec![following, locating];
        let gateway = Self {
            shared: Arc::new(shared),
        };
        Ok((gateway, serving, notes))
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.shared.addr
    }

    /// Puts a file's routes in force, at once and for all workers; requests in flight finish by the old ones. Gives what
    /// is surprising in it.
    ///
    /// # Errors
    /// All that is wrong with it; the routes in force stay.
    pub fn set_routes(&self, file: RoutesFile) -> Result<Vec<Problem>, Problems> {
        let notes = self.shared.apply(Some(file))?;
        self.shared.upstreams.forget_unused();
        Ok(notes)
    }

    /// The routes in force, in the order in which they are matched.
    #[must_use]
    pub fn routes(&self) -> Vec<RouteView> {
        let snapshot = self.shared.node.published.load();
        let views = snapshot.plans.iter().map(|plan| RouteView {
            is: plan.route.describe(),
            responses: plan.meter.read(),
            meter: Arc::as_ptr(&plan.meter) as usize,
        });
        views.collect()
    }

    /// Which route would take a request, and why.
    #[must_use]
    pub fn explain(&self, request: &OwnedRequest) -> Explanation {
        self.shared.node.published.load().table.explain(request)
    }

    /// Every upstream that a route names, with its endpoints.
    #[must_use]
    pub fn upstreams(&self) -> Vec<UpstreamView> {
        Clock::tick();
        let now = self.shared.node.clock.now();
        let all = self.shared.upstreams.all();
        all.iter().map(|upstream| upstream.view(now)).collect()
    }

    /// What the workers have counted since start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for worker in &self.shared.node.counts {
            counts.add(worker);
        }
        counts
    }
}

impl Shared {
    fn apply(&self, file: Option<RoutesFile>) -> Result<Vec<Problem>, Problems> {
        self.routes
            .apply(file, &self.node.settings, &self.upstreams, &self.node.published)
    }

    fn spawn(&self, listener: GatewayListener, drain: &Drain) -> io::Result<Serving> {
        let out = Box::new(io::stdout());
        let (log, log_end) = access_log::start(self.node.settings.access_log, out)?.unzip();
        let mut ends = Vec::new();
        for (index, socket) in listener.sockets.into_iter().enumerate() {
            let (ended, end) = oneshot::channel();
            let (node, drain) = (Arc::clone(&self.node), drain.clone());
            let log = log.as_ref().map(access_log::LogSender::another);
            std::thread::Builder::new()
                .name(format!("gateway-{index}"))
                .spawn(move || {
                    // Nobody waits any more if the receiver is gone.
                    let _ = ended.send(worker::run(index, node, socket, log, drain));
                })?;
            ends.push(end);
        }
        Ok(Serving { ends, log_end })
    }
}

/// Makes the routes anew when services come and go, if they are made of services at all.
async fn locate(node: Arc<Node>, upstreams: Arc<Upstreams>, routes: Arc<Routes>) {
    let mut services = upstreams.services();
    while services.changed().await.is_ok() {
        if !routes.has_locator() {
            continue;
        }
        let applied = routes.apply(None, &node.settings, &upstreams, &node.published);
        if let Err(problems) = applied {
            for problem in &problems.list {
                tracing::warn!("{}; the routes in force stay", located(&problems.file, problem));
            }
        }
        upstreams.forget_unused();
    }
}

/// A route as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteView {
    /// The route in texts.
    pub is: RouteDescription,
    /// Its responses; those of all routes beyond the thousandth together.
    pub responses: MeterView,
    /// Tells shared counts from own ones.
    meter: usize,
}

impl RouteView {
    /// Whether `other` is counted together with this one.
    #[must_use]
    pub fn is_counted_with(&self, other: &Self) -> bool {
        self.meter == other.meter
    }
}

/// What the workers have counted since start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Client connections accepted.
    pub accepted: u64,
    /// Client connections open now.
    pub open: u64,
    /// Requests whose head came, malformed ones included.
    pub requests: u64,
    /// Connections that went on in another protocol.
    pub upgrades: u64,
    /// Idle connections to endpoints.
    pub pooled: u64,
    /// Clients that went away before their response was whole.
    pub aborted: u64,
    /// Responses that an endpoint did not end.
    pub truncated: u64,
    /// Connections refused because there was no room.
    pub refused_connections: u64,
    /// Lines that the access log lost because its disk is slow.
    pub log_dropped: u64,
    /// Requests that no endpoint answered, by reason.
    pub faults: Vec<(&'static str, u64)>,
}

impl Counts {
    fn add(&mut self, worker: &WorkerCounts) {
        let add = |sum: &mut u64, count: &AtomicU64| *sum += count.load(Relaxed);
        add(&mut self.accepted, &worker.accepted);
        add(&mut self.open, &worker.open);
        add(&mut self.requests, &worker.requests);
        add(&mut self.upgrades, &worker.upgrades);
        add(&mut self.pooled, &worker.pooled);
        add(&mut self.aborted, &worker.aborted);
        add(&mut self.truncated, &worker.truncated);
        add(&mut self.refused_connections, &worker.refused_connections);
        add(&mut self.log_dropped, &worker.log_dropped);
        self.faults.resize(Fault::ALL.len(), ("", 0));
        for ((sum, fault), count) in self.faults.iter_mut().zip(Fault::ALL).zip(&worker.faults) {
            sum.0 = fault.code();
            add(&mut sum.1, count);
        }
    }
}
