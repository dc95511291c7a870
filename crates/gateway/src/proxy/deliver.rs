//! Brings a request to an endpoint and waits for the head of its response; tries another endpoint when that is safe.
//!
//! Safe is: not a byte was sent, or the method is idempotent and the whole request is still here. How many tries all
//! requests of an upstream may make together is the retry budget's to say.

mod trip;

use std::time::Instant;

use koinon_base::Now;
use koinon_core_balance::{Attempt, AttemptKind, Tried};
use koinon_core_http1::{BodyLength, RequestHead};
use tokio::time::timeout_at;

use super::client::Client;
use super::link::Link;
use super::prepare::Outgoing;
use super::record::Record;
use crate::fault::Fault;
use crate::io::{Clock, Connect};
use crate::snapshot::RoutePlan;
use crate::upstream::UpstreamCounts;
use crate::worker::Worker;

pub(super) use trip::Arrived;
use trip::{Trip, TripError};

/// Tries of one request, the first included.
const TRIES_MAX: usize = 4;

/// A request that reached an endpoint.
pub(super) enum Delivered {
    Response(Box<Reply>),
    Upgraded(Box<Reply>),
}

/// An endpoint's response, its body still to come.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) arrived: Arrived,
    /// The request's place in the endpoint's count.
    pub(super) attempt: Attempt,
    /// When the exchange must be over.
    pub(super) total: Instant,
}

/// A request that did not.
pub(super) enum Undelivered {
    ClientGone,
    Fault { fault: Fault, body_touched: bool },
}

/// Brings the request to an endpoint of the route's upstream.
pub(super) async fn deliver(
    worker: &Worker,
    client: &mut Client,
    path: &RoutePlan,
    head: &mut RequestHead,
    request: &Outgoing,
    record: &mut Record,
) -> Result<Delivered, Undelivered> {
    let upstream = &*path.upstream;
    let now = worker.node.clock.now();
    upstream.budget.record_request(now);
    let total = Clock::coarse() + worker.node.settings.timeouts.total;
    let mut tried = Tried::new();
    let mut fault = Fault::NoInstance;
    let mut must_be_fresh = false;
    let mut body_touched = false;
    let mut tries = 0;
    while tries < TRIES_MAX {
        let now = worker.node.clock.now();
        let Some((addr, attempt)) = pick(worker, path, head, request, &tried, now) else {
            break;
        };
        let link = match open(worker, path, addr, must_be_fresh, total).await {
            Ok(link) => link,
            Err(why) => {
                fault = why;
                tries += 1;
                if !try_again(worker, path, attempt, &mut tried) {
                    break;
                }
                continue;
            }
        };
        let is_reused = link.is_reused;
        let mut trip = Trip::new(worker, client, path, request, total);
        match trip.run(head, link).await {
            Ok(arrived) => {
                record.answered = true;
                return Ok(delivered(arrived, attempt, total));
            }
            Err(TripError::ClientGone) => return Err(Undelivered::ClientGone),
            Err(TripError::OfClient(why)) => {
                return Err(Undelivered::Fault {
                    fault: why,
                    body_touched: true,
                });
            }
            Err(TripError::OfEndpoint { why, sent, touched }) => {
                fault = why;
                body_touched |= touched;
                let repeatable = !touched && (!sent || request.is_idempotent);
                if is_reused && why == Fault::UpstreamClosed {
                    // The endpoint closed an idle connection in the same moment: that says nothing about the endpoint.
                    if !repeatable || must_be_fresh {
                        break;
                    }
                    must_be_fresh = true;
                    continue;
                }
                tries += 1;
                if why == Fault::UpstreamMalformed {
                    break;
                }
                if !repeatable {
                    attempt.failed(now, &mut worker.rng.borrow_mut());
                    break;
                }
                if !try_again(worker, path, attempt, &mut tried) {
                    break;
                }
            }
        }
    }
    Err(Undelivered::Fault { fault, body_touched })
}

fn delivered(arrived: Arrived, mut attempt: Attempt, total: Instant) -> Delivered {
    attempt.connected();
    let make = match arrived.upgraded {
        true => Delivered::Upgraded,
        false => Delivered::Response,
    };
    make(Box::new(Reply {
        arrived,
        attempt,
        total,
    }))
}

/// Chooses an endpoint, and tells the head its name.
fn pick(
    worker: &Worker,
    path: &RoutePlan,
    head: &mut RequestHead,
    request: &Outgoing,
    tried: &Tried,
    now: Now,
) -> Option<(std::net::SocketAddr, Attempt)> {
    let set = path.upstream.set.load();
    let pick = path
        .upstream
        .balancer
        .pick(&set, tried, now, &mut worker.rng.borrow_mut())?;
    let target = &pick.endpoint.target;
    if !request.preserves_host {
        // An endpoint's host was read from a registration or a uri; one that no head can hold gets no request.
        if !head.fields_mut().set("Host", target.host.as_bytes()) {
            tracing::warn!(upstream = %path.upstream.name, "an endpoint's host cannot stand in a Host field");
            return None;
        }
    }
    Some((target.addr, pick.attempt))
}

/// Marks the endpoint and says whether another may be tried.
fn try_again(worker: &Worker, path: &RoutePlan, attempt: Attempt, tried: &mut Tried) -> bool {
    let now = worker.node.clock.now();
    let is_probe = attempt.kind() == AttemptKind::Probe;
    let may_go_on = tried.add(&attempt);
    attempt.failed(now, &mut worker.rng.borrow_mut());
    let counts = &path.upstream.counts;
    if !may_go_on || tried.len() >= path.upstream.set.load().len() {
        // Nobody is left to try, which must not cost the budget of others.
        return false;
    }
    let granted = is_probe || path.upstream.budget.try_retry(now);
    UpstreamCounts::add(if granted {
        &counts.retries
    } else {
        &counts.retries_refused
    });
    granted
}

/// A connection to the endpoint: an idle one, or a new one.
async fn open(
    worker: &Worker,
    path: &RoutePlan,
    addr: std::net::SocketAddr,
    must_be_fresh: bool,
    total: Instant,
) -> Result<Link, Fault> {
    if !must_be_fresh && let Some(stream) = worker.pool.borrow_mut().take(addr) {
        return Ok(Link::new(stream, addr, true));
    }
    let counts = &path.upstream.counts;
    UpstreamCounts::add(&counts.connects);
    let deadline = (Clock::coarse() + path.connect_timeout).min(total);
    let connected = timeout_at(deadline.into(), worker.connect.connect(addr)).await;
    Clock::tick();
    let why = match connected {
        Ok(Ok(stream)) => return Ok(Link::new(stream, addr, false)),
        Ok(Err(error)) => {
            tracing::debug!(upstream = %path.upstream.name, %addr, %error, "cannot connect");
            Fault::ConnectFailed
        }
        Err(_elapsed) => {
            tracing::debug!(upstream = %path.upstream.name, %addr, "connecting took too long");
            Fault::ConnectTimeout
        }
    };
    UpstreamCounts::add(&counts.connect_failures);
    Err(why)
}

/// Whether all of a body is in the client's buffer, and how much of that it is.
fn buffered(body: BodyLength, in_buffer: usize) -> Option<usize> {
    match body {
        BodyLength::Empty => Some(0),
        BodyLength::Known(len) => usize::try_from(len).ok().filter(|len| *len <= in_buffer),
        BodyLength::Chunked | BodyLength::UntilClose => None,
    }
}
