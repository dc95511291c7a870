//! A running node: what [`Node::start`] opened, [`Node::stop`] closes.
//!
//! Invariant: when `start` returns, every listener serves; when `stop` returns, no task of the node runs.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use koinon_api_admin::{AdminDoor, Readiness};
use koinon_api_etcd::serve::Limits;
use koinon_api_eureka::Door;
use koinon_base::{ErrorKind, Namespace, Rng, SystemClock};
use koinon_core_kv::SpaceId;
use koinon_core_route::Extensions;
use koinon_gateway::Gateway;
use koinon_io_disk::{Disk, OsDisk};
use koinon_io_net::{Drain, DrainHandle, ServeOptions, ServeReport, drain, serve_http1};
use koinon_io_telemetry::Metrics;
use koinon_service_registry::{RegistryHandle, run_timers};
use koinon_store::{OpenError, Store, StoreError, run_leases, run_retention};
use thiserror::Error;
use tokio::task::JoinSet;

use crate::data_dir::{DataDir, DataDirError, STORE};
use crate::data_plane::{self, DataPlane, Parts, Shown};
use crate::descriptors::Descriptors;
use crate::listeners::{ListenError, Listeners, Open};
use crate::member::Member;
use crate::metrics;
use crate::routes::{RoutesError, Text, watch};
use crate::settings::Settings;

/// Why a node did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The data folder.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The store.
    #[error("the store in {} cannot be opened", path.display())]
    Store {
        /// Its folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: OpenError,
    },
    /// The persistent instances in the store.
    #[error("the registry's persistent instances cannot be read")]
    Registry(#[from] StoreError),
    /// A listener.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The file of routes.
    #[error(transparent)]
    Routes(#[from] RoutesError),
    /// The data plane.
    #[error(transparent)]
    Gateway(#[from] koinon_gateway::StartError),
}

impl StartError {
    /// What the caller must do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::DataDir(error) => error.kind(),
            Self::Store { source, .. } => source.kind(),
            Self::Registry(error) => error.kind(),
            Self::Listen(error) => error.kind(),
            Self::Routes(error) => error.kind(),
            Self::Gateway(error) => error.kind(),
        }
    }
}

/// Why a running node must end at once: what is on its disk is only known to the next start.
#[derive(Debug, Error)]
#[error("the store cannot go on: {0}")]
pub struct Failed(String);

/// A running node.
#[derive(Debug)]
pub struct Node {
    registry: RegistryHandle,
    store: Store,
    addresses: BTreeMap<String, SocketAddr>,
    data_dir: DataDir,
    drain: DrainHandle,
    drain_timeout: Duration,
    /// The listeners: each ends by itself once drained.
    serving: JoinSet<()>,
    /// The periodic work: ended when nothing is served any more.
    background: JoinSet<()>,
}

impl Node {
    /// Starts everything that the settings ask for; `extensions` is what the gateway has besides its file. Must run
    /// inside a tokio runtime.
    ///
    /// # Errors
    /// When the data folder or a listener cannot be had, or the routes are wrong; nothing stays open then.
    pub async fn start(settings: &Settings, extensions: Extensions) -> Result<Self, StartError> {
        let workers = settings.gateway.data_plane(1).workers;
        // Listeners first: a port in use is the likelier trouble, and its message the more useful one.
        let listeners = Listeners::bind(&settings.listen, workers)?;
        let addresses = listeners.addresses();
        let file = routes_file(settings)?;
        let data_dir = DataDir::open(&settings.data_dir)?;
        let store = open_store(&data_dir, settings.store.settings()).await?;
        let (drain_handle, drain) = drain();
        let mut rng = Rng::from_entropy();
        let member = Member::of(&data_dir, &mut rng)?;
        let (registry, follower) = RegistryHandle::open(
            settings.registry.service_settings(),
            Arc::new(SystemClock::new()),
            Rng::from_seed(rng.next_u64()),
            store.space(SpaceId::REGISTRY),
        )
        .await?;
        let mut node = Self {
            registry: registry.clone(),
            store: store.clone(),
            addresses,
            data_dir,
            drain: drain_handle,
            drain_timeout: Duration::from_millis(settings.listen.drain_timeout_ms),
            serving: JoinSet::new(),
            background: JoinSet::new(),
        };
        node.background.spawn(follower.run());
        node.background.spawn(run_timers(
            registry.clone(),
            settings.registry.timer_settings(),
            rng,
        ));
        node.background.spawn(run_leases(store.clone()));
        node.background
            .spawn(run_retention(store, settings.etcd.retention()));
        let descriptors = Descriptors::shared(&listeners, settings);
        let Listeners {
            admin,
            etcd,
            eureka,
            gateway,
        } = listeners;
        let readiness = Readiness::waiting_for(node.addresses.keys());
        let mut doors = Doors {
            admin,
            etcd: etcd.map(|open| (open, member, settings.etcd.limits())),
            eureka,
            gateway: None,
            options: ServeOptions {
                connections_max: descriptors.door,
                ..ServeOptions::default()
            },
        };
        if let Some(listener) = gateway {
            let parts = Parts {
                listener,
                settings: settings.gateway.data_plane(descriptors.gateway),
                registry,
                extensions,
                file,
            };
            let started = data_plane::start(parts, drain.clone())?;
            doors.gateway = Some(started.gateway.clone());
            node.open_gateway(started, &readiness);
        }
        node.open_doors(doors, &readiness, &drain);
        node.data_dir.write_listeners(&node.addresses)?;
        Ok(node)
    }

    /// The registry behind all doors.
    #[must_use]
    pub fn registry(&self) -> &RegistryHandle {
        &self.registry
    }

    /// Where each listener really is.
    #[must_use]
    pub fn addresses(&self) -> &BTreeMap<String, SocketAddr> {
        &self.addresses
    }

    /// Waits until the node cannot go on, and says why: the process must end then.
    pub async fn failure(&self) -> Failed {
        Failed(self.store.failure().await)
    }

    /// Stops accepting, lets what is in flight finish within the drain timeout, ends everything.
    pub async fn stop(mut self) {
        self.drain.start(self.drain_timeout);
        while self.serving.join_next().await.is_some() {}
        self.background.shutdown().await;
        let store = self.store.clone();
        // It finishes what waits and leaves everything with the backend, which takes disks and not the runtime.
        if tokio::task::spawn_blocking(move || store.close()).await.is_err() {
            tracing::error!("the store did not close; its log has what was acknowledged");
        }
        self.data_dir.remove_listeners();
    }

    /// The gateway's threads serve already; here they are waited for, and its file is watched.
    fn open_gateway(&mut self, started: DataPlane, readiness: &Readiness) {
        let DataPlane {
            gateway,
            serving,
            watched,
        } = started;
        if let Some((path, in_force)) = watched {
            self.background
                .spawn(watch::follow(path, gateway.clone(), in_force));
        }
        self.open(readiness, Arc::from("gateway"), async move {
            let ended = serving.wait().await;
            // Until here it follows the registry.
            drop(gateway);
            ended
        });
    }

    fn open_doors(&mut self, doors: Doors, readiness: &Readiness, drain: &Drain) {
        let Doors {
            admin,
            etcd,
            eureka,
            gateway,
            options,
        } = doors;
        let mut metrics = Metrics::default();
        metrics::add_registry(&mut metrics, &self.registry);
        metrics::store::add(&mut metrics, &self.store);
        let etcd_listener = etcd.as_ref().map(|(open, ..)| open);
        let doors = [admin.as_ref(), etcd_listener, eureka.as_ref()];
        let stats = doors.into_iter().flatten().map(|open| {
            (
                open.listener.name().to_string(),
                Arc::clone(open.listener.stats()),
            )
        });
        metrics::add_listeners(&mut metrics, &stats.collect::<Vec<_>>());
        if let Some(gateway) = &gateway {
            metrics::gateway::add(&mut metrics, gateway);
        }
        if let Some((open, member, limits)) = etcd {
            let identity = member.identity(open.listener.local_addr());
            let door = koinon_api_etcd::serve::Door::new(&self.store, identity, limits);
            self.open_etcd(open, door, options.clone(), readiness, drain, &mut metrics);
        }
        if let Some(Open { listener, guard }) = eureka {
            let door = Door::new(self.registry.clone(), Namespace::default(), guard);
            metrics::add_eureka(&mut metrics, &door);
            self.background.spawn(door.clone().tend());
            self.open(
                readiness,
                listener.name().clone(),
                serve_http1(listener, Arc::new(door), options.clone(), drain.clone()),
            );
        }
        if let Some(Open { listener, guard }) = admin {
            let mut door = AdminDoor::new(self.registry.clone(), Arc::new(metrics), readiness.clone())
                .store(self.store.clone());
            if let Some(gateway) = gateway {
                door = door.data_plane(Arc::new(Shown(gateway)));
            }
            let name = listener.name().clone();
            self.open(
                readiness,
                name,
                koinon_api_admin::serve(listener, door, guard, options, drain.clone()),
            );
        }
    }

    fn open_etcd(
        &mut self,
        open: Open,
        door: koinon_api_etcd::serve::Door,
        options: ServeOptions,
        readiness: &Readiness,
        drain: &Drain,
        metrics: &mut Metrics,
    ) {
        let Open { listener, guard } = open;
        metrics::store::add_etcd(metrics, &door);
        let name = listener.name().clone();
        let serving = koinon_api_etcd::serve::serve(listener, door, guard, options, drain.clone());
        self.open(readiness, name, serving);
    }

    /// Serves one listener until the drain, and reports that it does.
    fn open(
        &mut self,
        readiness: &Readiness,
        name: Arc<str>,
        serving: impl Future<Output = ServeReport> + Send + 'static,
    ) {
        let readiness = readiness.clone();
        self.serving.spawn(async move {
            // Its socket has been taking connections since it was bound; from here on they are answered.
            readiness.report(&name);
            let ended = serving.await;
            if ended.cut_off > 0 {
                tracing::warn!(
                    listener = %name, connections = ended.cut_off, "cut off at the end of the drain"
                );
            }
        });
    }
}

/// The doors of a node, and the gateway that they show.
struct Doors {
    admin: Option<Open>,
    etcd: Option<(Open, Member, Limits)>,
    eureka: Option<Open>,
    gateway: Option<Gateway>,
    options: ServeOptions,
}

/// Opens the store where nobody waits for its disk.
async fn open_store(data_dir: &DataDir, settings: koinon_store::Settings) -> Result<Store, StartError> {
    let path = data_dir.path().join(STORE);
    let opening = {
        let path = path.clone();
        move || {
            let disk: Arc<dyn Disk> = Arc::new(OsDisk);
            let clock = Arc::new(SystemClock::new());
            Store::open(&disk, &path, settings, clock)
        }
    };
    match tokio::task::spawn_blocking(opening).await {
        Ok(opened) => opened.map_err(|source| StartError::Store { path, source }),
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

/// The file of routes, if there is one and somebody to use it.
fn routes_file(settings: &Settings) -> Result<Option<(PathBuf, Text)>, RoutesError> {
    let Some(path) = settings.gateway.routes_file() else {
        return Ok(None);
    };
    if settings.listen.gateway == "off" {
        tracing::warn!("gateway.routes_file is not used: listen.gateway is off");
        return Ok(None);
    }
    Ok(Some((path.to_owned(), Text::of(path)?)))
}
