//! What a node knows of one endpoint: how many requests it has in flight there, and whether it refused.
//!
//! All worker threads share it, and it outlives the [`EndpointSet`](crate::EndpointSet) it was made for: a set
//! built anew takes over the states of the endpoints that stayed.
//!
//! Invariant: it fills a cache line of its own, so that counting on one endpoint never slows another.
//! Invariant: `in_flight` is the number of living [`Attempt`](crate::Attempt)s.
//! Invariant: at most one of them is the probe of a marked endpoint.
//!
//! Every access is `Relaxed`: each atomic stands for itself and no other memory is read because of its value.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use koinon_base::Now;

use crate::mark::Mark;

/// The node-wide state of one endpoint.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct EndpointState {
    in_flight: AtomicU32,
    mark: AtomicU64,
    /// When it last failed, or was last tried as a last resort.
    touched_ms: AtomicU64,
}

const _: () = assert!(size_of::<EndpointState>() == 64, "one cache line");

/// Whether an endpoint is given requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is.
    Serving,
    /// It could not be connected to and is left alone.
    Skipped {
        /// Failures in a row.
        failures: u32,
        /// Until one request may find out, in milliseconds; 0 when it may now.
        retry_in_ms: u64,
    },
    /// One request is finding out.
    Probing {
        /// Failures in a row.
        failures: u32,
    },
}

/// Whether a request may go to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    Free,
    /// As the probe; the claim is to be given back.
    Probe(Mark),
    Refused,
}

impl EndpointState {
    /// Requests that this node has in flight there.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Relaxed)
    }

    /// Whether it is given requests.
    #[must_use]
    pub fn standing(&self, now: Now) -> Standing {
        let mark = self.mark();
        let failures = mark.failures();
        if mark.is_clear() {
            Standing::Serving
        } else if mark.is_probing() {
            Standing::Probing { failures }
        } else {
            let retry_in_ms = mark.due_ms().saturating_sub(now.mono_ms);
            Standing::Skipped {
                failures,
                retry_in_ms,
            }
        }
    }

    /// Forgets that it failed: something better informed (a health check, a new registration) says it is there.
    pub fn forgive(&self) {
        // The load keeps the line shared between the workers in the usual case, where there is nothing to forget.
        if !self.mark().is_clear() {
            self.mark.store(Mark::CLEAR.word(), Relaxed);
        }
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark::from_word(self.mark.load(Relaxed))
    }

    pub(crate) fn touched_ms(&self) -> u64 {
        self.touched_ms.load(Relaxed)
    }

    pub(crate) fn touch(&self, now: Now) {
        self.touched_ms.store(now.mono_ms, Relaxed);
    }

    pub(crate) fn is_usable(&self, now: Now) -> bool {
        self.mark().admits(now.mono_ms)
    }

    /// Asks to send a request there; claims the probe if it is due.
    pub(crate) fn admit(&self, now: Now) -> Admission {
        let mark = self.mark();
        if mark.is_clear() {
            return Admission::Free;
        }
        if mark.admits(now.mono_ms) && self.replace(mark, mark.claimed()) {
            return Admission::Probe(mark.claimed());
        }
        Admission::Refused
    }

    /// Changes the mark unless somebody did so first.
    pub(crate) fn replace(&self, from: Mark, to: Mark) -> bool {
        let swapped = self
            .mark
            .compare_exchange(from.word(), to.word(), Relaxed, Relaxed);
        swapped.is_ok()
    }

    pub(crate) fn begin(&self) {
        self.in_flight.fetch_add(1, Relaxed);
    }

    pub(crate) fn end(&self) {
        self.in_flight.fetch_sub(1, Relaxed);
    }
}
