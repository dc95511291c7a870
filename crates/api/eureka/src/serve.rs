//! The door itself: Eureka's client API over HTTP.
//!
//! A door is the handler of a listener ([`koinon_io_net::serve_http1`]); [`Door::tend`] does the little periodic work that the kept answers
//! need. The peer API (`/eureka/peerreplication`) answers 501 until servers replicate.

mod cache;
mod gzip;
mod handle;
mod negotiate;
mod page;
mod reply;
mod route;
mod stats;
mod write;

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use koinon_base::Namespace;
use koinon_core_http1::Refusal;
use koinon_io_net::{Answer, Handler, HostGuard, Request};
use koinon_service_registry::RegistryHandle;
use tokio::time::MissedTickBehavior;

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

impl Handler for Door {
    async fn answer(&self, request: Request<'_>) -> Answer {
        self.shared.answer(request).await
    }

    fn refuse(&self, refusal: Refusal) -> Answer {
        let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
        self.shared.stats().count(Operation::Refused, status.as_u16());
        reply::error(status, "", &refusal.to_string())
    }
}
