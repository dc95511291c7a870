//! What workers route by: one compiled table and where its routes lead, replaced as a whole.
//!
//! A worker asks one atomic per request whether there is a newer one, and keeps its own count of who uses which, so that
//! two workers never write the same cache line for it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use koinon_core_route::{Route, RouteTable};

use crate::head::ForwardedPolicy;
use crate::meter::Meter;
use crate::settings::ClientPace;
use crate::upstream::Upstream;

/// A table and where its routes lead.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) table: RouteTable,
    /// By the routes' index.
    pub(crate) plans: Box<[RoutePlan]>,
    pub(crate) forwarded: ForwardedPolicy,
    /// A service without instances is answered 404 and not 503.
    pub(crate) hides_services: bool,
}

/// Where a route leads.
#[derive(Debug)]
pub(crate) struct RoutePlan {
    pub(crate) route: Arc<Route>,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) meter: Arc<Meter>,
    pub(crate) connect_timeout: Duration,
    pub(crate) response_timeout: Option<Duration>,
    pub(crate) client_pace: ClientPace,
}

/// The latest snapshot, for all workers.
#[derive(Debug, Default)]
pub(crate) struct Published {
    current: ArcSwap<Snapshot>,
    generation: AtomicU64,
}

impl Published {
    pub(crate) fn publish(&self, snapshot: Snapshot) {
        self.current.store(Arc::new(snapshot));
        self.generation.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn load(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }
}

/// A worker's view of the latest snapshot.
#[expect(
    clippy::redundant_allocation,
    reason = "the outer count is the worker's own, so that workers share no cache line for it"
)]
#[derive(Debug)]
pub(crate) struct Reader {
    published: Arc<Published>,
    seen: Cell<u64>,
    current: RefCell<Rc<Arc<Snapshot>>>,
}

impl Reader {
    pub(crate) fn new(published: Arc<Published>) -> Self {
        // The generation first: a snapshot published in between is then only read twice.
        let seen = published.generation.load(Ordering::Acquire);
        let current = Rc::new(published.load());
        Self {
            published,
            seen: Cell::new(seen),
            current: RefCell::new(current),
        }
    }

    /// The latest snapshot.
    #[expect(
        clippy::redundant_allocation,
        reason = "the outer count is the worker's own, so that workers share no cache line for it"
    )]
    pub(crate) fn latest(&self) -> Rc<Arc<Snapshot>> {
        let generation = self.published.generation.load(Ordering::Acquire);
        if generation != self.seen.get() {
            self.seen.set(generation);
            *self.current.borrow_mut() = Rc::new(self.published.load());
        }
        Rc::clone(&self.current.borrow())
    }
}
