//! A worker's idle connections to endpoints.
//!
//! The most recently used is taken first, so that a quiet upstream keeps few connections and the rest age out.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::{Clock, Transport};

/// A kept connection.
#[derive(Debug)]
struct Idle<S> {
    stream: S,
    until: Instant,
}

/// Idle connections by address.
#[derive(Debug)]
pub(crate) struct Pool<S> {
    idle: HashMap<SocketAddr, Vec<Idle<S>>>,
    per_endpoint_max: usize,
    idle_max: Duration,
}

impl<S: Transport> Pool<S> {
    pub(crate) fn new(per_endpoint_max: usize, idle_max: Duration) -> Self {
        Self {
            idle: HashMap::new(),
            per_endpoint_max,
            idle_max,
        }
    }

    /// A connection that, as far as is known, is alive.
    pub(crate) fn take(&mut self, to: SocketAddr) -> Option<S> {
        let list = self.idle.get_mut(&to)?;
        while let Some(idle) = list.pop() {
            if Clock::coarse() < idle.until && !idle.stream.has_news() {
                return Some(idle.stream);
            }
        }
        None
    }

    /// Keeps a connection for the next request; at most as long as `hint`, which the endpoint gave, allows.
    pub(crate) fn give(&mut self, to: SocketAddr, stream: S, hint: Option<Duration>) {
        let time = hint.map_or(self.idle_max, |hint| hint.min(self.idle_max));
        let list = self.idle.entry(to).or_default();
        if list.len() < self.per_endpoint_max && !time.is_zero() {
            list.push(Idle {
                stream,
                until: Clock::coarse() + time,
            });
        }
    }

    /// Closes what is too old or was closed by its endpoint; called now and then.
    pub(crate) fn sweep(&mut self) {
        let now = Clock::coarse();
        self.idle.retain(|_, list| {
            list.retain(|idle| now < idle.until && !idle.stream.has_news());
            list.shrink_to(8);
            !list.is_empty()
        });
    }

    pub(crate) fn len(&self) -> usize {
        self.idle.values().map(Vec::len).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.idle.is_empty()
    }
}
