//! What is known of an exchange when it is over: for the metrics, and for the access log if there is one.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use koinon_core_http1::RequestHead;

use crate::access_log::Line;
use crate::fault::{Fault, given_request_id};
use crate::io::Clock;
use crate::meter::bump;
use crate::snapshot::Snapshot;
use crate::worker::Worker;

/// What is known of one exchange.
#[expect(
    clippy::redundant_allocation,
    reason = "the outer count is the worker's own, so that workers share no cache line for it"
)]
#[derive(Debug)]
pub(super) struct Record {
    peer: SocketAddr,
    started: Instant,
    /// Kept only when there is a log: heads are rewritten on their way.
    seen: Option<Box<Seen>>,
    pub(super) route: Option<(Rc<Arc<Snapshot>>, usize)>,
    /// Whether an endpoint answered.
    pub(super) answered: bool,
    pub(super) status: u16,
    pub(super) bytes: u64,
    pub(super) fault: Option<Fault>,
    pub(super) request_id: Option<String>,
}

#[derive(Debug)]
struct Seen {
    method: String,
    target: String,
    version: &'static str,
    referer: Option<String>,
    user_agent: Option<String>,
}

impl Record {
    /// Begins one; the clock has just been read.
    pub(super) fn begin(worker: &Worker, peer: SocketAddr, head: &RequestHead) -> Self {
        // What is no UTF-8 is shown with marks in its place: nobody hides by it.
        let owned = |name| {
            head.fields()
                .get(name)
                .map(|value| String::from_utf8_lossy(value).into_owned())
        };
        let logs = worker.log.borrow().is_some();
        Self {
            seen: logs.then(|| {
                Box::new(Seen {
                    method: head.method().to_owned(),
                    target: head.target().to_owned(),
                    version: head.version().as_str(),
                    referer: owned("referer"),
                    user_agent: owned("user-agent"),
                })
            }),
            request_id: logs.then(|| given_request_id(head).map(str::to_owned)).flatten(),
            ..Self::of_refused(peer)
        }
    }

    /// Of bytes that were no request.
    pub(super) fn of_refused(peer: SocketAddr) -> Self {
        Self {
            peer,
            started: Clock::coarse(),
            seen: None,
            route: None,
            answered: false,
            status: 0,
            bytes: 0,
            fault: None,
            request_id: None,
        }
    }

    /// Where the request was to go.
    pub(super) fn upstream_name(&self) -> Option<String> {
        let (snapshot, index) = self.route.as_ref()?;
        Some(snapshot.plans.get(*index)?.upstream.name.to_string())
    }

    /// Counts it, and logs it.
    pub(super) fn finish(self, worker: &Worker) {
        let time = Clock::tick().saturating_duration_since(self.started);
        if let Some(fault) = self.fault {
            let count = worker.counts().faults.get(fault.index());
            count.into_iter().for_each(|count| bump(count, 1));
        }
        let path = self
            .route
            .as_ref()
            .and_then(|(snapshot, index)| snapshot.plans.get(*index));
        if let Some(path) = path
            && self.status > 0
        {
            path.meter.record(worker.index, self.status, time);
            if self.answered {
                path.upstream.meter.record(worker.index, self.status, time);
            }
        }
        if let Some(log) = &mut *worker.log.borrow_mut() {
            let seen = self.seen.as_deref();
            let line = Line {
                peer: self.peer,
                method: seen.map_or("-", |seen| &seen.method),
                target: seen.map_or("-", |seen| &seen.target),
                version: seen.map_or("-", |seen| seen.version),
                referer: seen.and_then(|seen| seen.referer.as_deref()),
                user_agent: seen.and_then(|seen| seen.user_agent.as_deref()),
                status: self.status,
                bytes: self.bytes,
                time,
                route: path.map(|path| &*path.route.id),
                fault: self.fault.map(Fault::code),
                request_id: self.request_id.as_deref(),
            };
            log.add(&line, worker.counts());
        }
    }
}
