//! One core's share of the data plane: a thread with its own runtime, listening socket, connections and buffers.
//!
//! Nothing on the path of a request is shared with another worker but what must be: endpoint states and retry budgets,
//! which count for the node.

mod accept;
mod caps;
mod roll;

use std::cell::{Cell, RefCell};
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use koinon_base::Rng;
use koinon_core_http1::{RequestHead, ResponseHead};
use koinon_io_net::Drain;
use tokio::task::LocalSet;

pub(crate) use caps::Caps;
pub(crate) use roll::Roll;

use crate::access_log::LogSender;
use crate::fault::Fault;
use crate::io::{Clock, EndpointStream, Pool, TcpConnect};
use crate::settings::GatewaySettings;
use crate::snapshot::{Published, Reader};

/// How often a worker looks after its idle upstream connections.
const SWEEP: Duration = Duration::from_millis(500);
/// Heads on a worker's shelf; more are freed.
const HEADS_MAX: usize = 64;

/// What all workers of a node share.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) settings: GatewaySettings,
    pub(crate) published: Arc<Published>,
    pub(crate) caps: Arc<Caps>,
    pub(crate) counts: Box<[WorkerCounts]>,
    pub(crate) clock: Clock,
}

/// What one worker counts; it alone writes them.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct WorkerCounts {
    pub(crate) accepted: AtomicU64,
    pub(crate) open: AtomicU64,
    pub(crate) requests: AtomicU64,
    pub(crate) upgrades: AtomicU64,
    pub(crate) pooled: AtomicU64,
    pub(crate) aborted: AtomicU64,
    pub(crate) truncated: AtomicU64,
    pub(crate) refused_connections: AtomicU64,
    pub(crate) log_dropped: AtomicU64,
    pub(crate) faults: [AtomicU64; Fault::ALL.len()],
}

/// One worker.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) index: usize,
    pub(crate) node: Arc<Node>,
    pub(crate) routes: Reader,
    pub(crate) connect: TcpConnect,
    pub(crate) pool: RefCell<Pool<EndpointStream>>,
    pub(crate) rng: RefCell<Rng>,
    pub(crate) roll: Roll,
    pub(crate) draining: Cell<bool>,
    pub(crate) log: RefCell<Option<LogSender>>,
    requests: RefCell<Vec<RequestHead>>,
    responses: RefCell<Vec<ResponseHead>>,
}

impl Worker {
    fn new(index: usize, node: Arc<Node>, log: Option<LogSender>) -> Self {
        let settings = &node.settings;
        let pool = Pool::new(settings.idle_per_endpoint_max, settings.timeouts.upstream_idle);
        Self {
            index,
            routes: Reader::new(Arc::clone(&node.published)),
            connect: TcpConnect,
            pool: RefCell::new(pool),
            rng: RefCell::new(Rng::from_entropy()),
            roll: Roll::default(),
            draining: Cell::new(false),
            log: RefCell::new(log),
            requests: RefCell::default(),
            responses: RefCell::default(),
            node,
        }
    }

    pub(crate) fn counts(&self) -> &WorkerCounts {
        // One per worker, made together with the workers.
        &self.node.counts[self.index]
    }

    /// A head to read a request into.
    pub(crate) fn request_head(&self) -> RequestHead {
        self.requests.borrow_mut().pop().unwrap_or_default()
    }

    pub(crate) fn keep_request_head(&self, head: RequestHead) {
        let mut shelf = self.requests.borrow_mut();
        if shelf.len() < HEADS_MAX {
            shelf.push(head);
        }
    }

    /// A head to read a response into.
    pub(crate) fn response_head(&self) -> ResponseHead {
        self.responses.borrow_mut().pop().unwrap_or_default()
    }

    pub(crate) fn keep_response_head(&self, head: ResponseHead) {
        let mut shelf = self.responses.borrow_mut();
        if shelf.len() < HEADS_MAX {
            shelf.push(head);
        }
    }
}

/// Serves `listener` until the drain is over. Runs on a thread of its own; says how many connections were cut off.
pub(crate) fn run(
    index: usize,
    node: Arc<Node>,
    listener: TcpListener,
    log: Option<LogSender>,
    drain: Drain,
) -> std::io::Result<usize> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        // The clock of the thread stands still while it sleeps.
        .on_thread_unpark(|| {
            Clock::tick();
        })
        .build()?;
    let local = LocalSet::new();
    local.block_on(&runtime, async move {
        let worker = Rc::new(Worker::new(index, node, log));
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let sweeping = tokio::task::spawn_local(sweep(Rc::clone(&worker)));
        let cut_off = accept::run(Rc::clone(&worker), listener, drain).await;
        sweeping.abort();
        flush_log(&worker);
        Ok(cut_off)
    })
}

/// Closes idle upstream connections that are too old, and flushes the log.
async fn sweep(worker: Rc<Worker>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        Clock::tick();
        let mut pool = worker.pool.borrow_mut();
        if !pool.is_empty() {
            pool.sweep();
        }
        let len = pool.len() as u64;
        drop(pool);
        worker
            .counts()
            .pooled
            .store(len, std::sync::atomic::Ordering::Relaxed);
        flush_log(&worker);
    }
}

/// Hands over the lines that have come together.
fn flush_log(worker: &Worker) {
    if let Some(log) = &mut *worker.log.borrow_mut() {
        log.flush(worker.counts());
    }
}

/// The moment after `time`, by the worker's coarse clock.
pub(crate) fn after(time: Duration) -> Instant {
    Clock::coarse() + time
}
