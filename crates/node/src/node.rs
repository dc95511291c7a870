//! A running node: what [`Node::start`] opened, [`Node::stop`] closes.
//!
//! Invariant: when `start` returns, every listener serves; when `stop` returns, no task of the node runs.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use koinon_api_admin::{AdminDoor, Readiness};
use koinon_api_eureka::Door;
use koinon_base::{ErrorKind, Namespace, Rng, SystemClock};
use koinon_io_net::{Drain, DrainHandle, ServeOptions, ServeReport, descriptors, drain, serve_http1};
use koinon_io_telemetry::Metrics;
use koinon_service_registry::{RegistryHandle, run_timers};
use thiserror::Error;
use tokio::task::JoinSet;

use crate::data_dir::{DataDir, DataDirError};
use crate::listeners::{ListenError, Listeners, Open};
use crate::metrics;
use crate::settings::Settings;

/// Why a node did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The data folder.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// A listener.
    #[error(transparent)]
    Listen(#[from] ListenError),
}

impl StartError {
    /// What the caller must do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::DataDir(error) => error.kind(),
            Self::Listen(error) => error.kind(),
        }
    }
}

/// A running node.
#[derive(Debug)]
pub struct Node {
    registry: RegistryHandle,
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
    /// Starts everything that the settings ask for. Must run inside a tokio runtime.
    ///
    /// # Errors
    /// When the data folder or a listener cannot be had; nothing stays open then.
    pub async fn start(settings: &Settings) -> Result<Self, StartError> {
        // Listeners first: a port in use is the likelier trouble, and its message the more useful one.
        let listeners = Listeners::bind(&settings.listen)?;
        let addresses = listeners.addresses();
        let data_dir = DataDir::open(&settings.data_dir)?;
        let (drain_handle, drain) = drain();
        let mut rng = Rng::from_entropy();
        let registry = RegistryHandle::new(
            settings.registry.service_settings(),
            Arc::new(SystemClock::new()),
            Rng::from_seed(rng.next_u64()),
        );
        let mut node = Self {
            registry: registry.clone(),
            addresses,
            data_dir,
            drain: drain_handle,
            drain_timeout: Duration::from_millis(settings.listen.drain_timeout_ms),
            serving: JoinSet::new(),
            background: JoinSet::new(),
        };
        node.background
            .spawn(run_timers(registry, settings.registry.timer_settings(), rng));
        node.open_doors(listeners, settings, &drain);
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

    /// Stops accepting, lets what is in flight finish within the drain timeout, ends everything.
    pub async fn stop(mut self) {
        self.drain.start(self.drain_timeout);
        while self.serving.join_next().await.is_some() {}
        self.background.shutdown().await;
        self.data_dir.remove_listeners();
    }

    fn open_doors(&mut self, listeners: Listeners, settings: &Settings, drain: &Drain) {
        let Listeners { admin, eureka } = listeners;
        let descriptors = descriptors::raise_limit();
        let connections_max =
            descriptors::share(descriptors, self.addresses.len(), settings.listen.connections_max);
        let options = ServeOptions {
            connections_max,
            ..ServeOptions::default()
        };
        let readiness = Readiness::waiting_for(self.addresses.keys());
        let mut metrics = Metrics::default();
        metrics::add_registry(&mut metrics, &self.registry);
        let stats = [&admin, &eureka].into_iter().flatten().map(|open| {
            (
                open.listener.name().to_string(),
                Arc::clone(open.listener.stats()),
            )
        });
        metrics::add_listeners(&mut metrics, &stats.collect::<Vec<_>>());
        if let Some(Open { listener, guard }) = eureka {
            let door = Door::new(self.registry.clone(), Namespace::default(), guard);
            metrics::add_eureka(&mut metrics, &door);
            self.background.spawn(door.clone().tend());
            self.open(
                &readiness,
                listener.name().clone(),
                serve_http1(listener, Arc::new(door), options.clone(), drain.clone()),
            );
        }
        if let Some(Open { listener, guard }) = admin {
            let door = AdminDoor::new(self.registry.clone(), Arc::new(metrics), readiness.clone());
            let name = listener.name().clone();
            self.open(
                &readiness,
                name,
                koinon_api_admin::serve(listener, door, guard, options, drain.clone()),
            );
        }
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
