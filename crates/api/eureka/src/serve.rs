//! The door itself: Eureka's client API over HTTP.
//!
//! [`Door::service`] is handed to a listener; [`Door::tend`] does the little periodic work that the kept answers
//! need. The peer API (`/eureka/peerreplication`) answers 501 until servers replicate.

mod body;
mod cache;
mod gzip;
mod handle;
mod negotiate;
mod page;
mod reply;
mod route;
mod stats;
mod write;

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::Service;
use koinon_base::Namespace;
use koinon_io_net::HostGuard;
use koinon_service_registry::RegistryHandle;
use tokio::time::MissedTickBehavior;

pub use body::Body;
use handle::Shared;
pub use stats::{DoorStats, Operation};

/// The Eureka front door of one namespace.
#[derive(Debug, Clone)]
pub struct Door {
    shared: Arc<Shared>,
}

impl Door {
    /// A door to `namespace`.
    #[must_use]
    pub fn new(registry: RegistryHandle, namespace: Namespace, guard: HostGuard) -> Self {
        Self {
            shared: Arc::new(Shared::new(registry, namespace, guard)),
        }
    }

    /// What a listener serves.
    #[must_use]
    pub fn service(&self) -> DoorService {
        DoorService {
            shared: Arc::clone(&self.shared),
        }
    }

    /// What was asked of it, in numbers.
    #[must_use]
    pub fn stats(&self) -> &DoorStats {
        self.shared.stats()
    }

    /// Drops kept answers that nobody asks for, for ever; drop the future to stop it.
    pub async fn tend(self) {
        let mut ticks = tokio::time::interval(Duration::from_secs(20));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.shared.drop_idle();
        }
    }
}

/// One request in, one answer out.
#[derive(Debug, Clone)]
pub struct DoorService {
    shared: Arc<Shared>,
}

impl Service<Request<Incoming>> for DoorService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { Ok(shared.answer(request).await) })
    }
}
